/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between `lazaret db` and its role download, which fetches files
 * over HTTP and looks into none: 3 control.
 */
#ifndef FETCH_DOWNLOAD_H
#define FETCH_DOWNLOAD_H

#define DOWNLOAD_CONTROL_FD 3

enum download_message {
	/* {str url, int max_bytes, str what} */
	DOWNLOAD_GET = 1,
	/* {int code, str sentence, int size} with the bytes as a descriptor
	 * when code is 0; code -ENOENT: the server has no such file */
	DOWNLOAD_GOT,
};

#endif
