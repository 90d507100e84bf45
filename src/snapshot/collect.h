/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between `lazaret report snapshot` and its role collect, which reads
 * foreign documents and archives: 3 control, 4 the spool for packed documents.
 */
#ifndef SNAPSHOT_COLLECT_H
#define SNAPSHOT_COLLECT_H

#define COLLECT_CONTROL_FD 3
#define COLLECT_SPOOL_FD   4

enum collect_message {
	/* {str path}: what may be read; before COLLECT_START */
	COLLECT_PATH = 1,
	/* {int number, int kind, str path} */
	COLLECT_INPUT,
	/* {int mode, int which, int of, int now_s, str dictionary}: all was
	 * said; lock down and begin. Of archives, worker `which` of `of` takes
	 * the members whose names hash to it. */
	COLLECT_START,
	/* {int input, int member, str name, then what snapshot_worker_put
	 * puts}; name absent: the input is the document */
	COLLECT_DOCUMENT,
	/* {int input, str why}: the input as a whole cannot be read */
	COLLECT_FAILED,
	/* {str dictionary}: of mode COLLECT_SAMPLE */
	COLLECT_DICTIONARY,
	/* {} */
	COLLECT_DONE,
};

enum collect_mode {
	COLLECT_SAMPLE, /* train a dictionary on some of the documents */
	COLLECT_ALL,
};

enum collect_kind {
	COLLECT_FILE, /* one document */
	COLLECT_ZIP,
};

#endif
