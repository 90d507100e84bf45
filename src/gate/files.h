/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a scan, in two processes. The opener walks and opens, and
 * parses nothing; the reader parses, and can open nothing. They speak over a
 * channel, the reader asks:
 *
 *	FILES_NEXT {}		the next file that has a format
 *	FILES_OPEN {str path}	a file beside or below the last one given
 *	FILES_INCLUDE {str path}  the same, to be read as a file of its own
 *
 * and the opener answers each with one of
 *
 *	FILES_FILE {str path, str format} and a descriptor, read-only; the path
 *		is as the user would name it
 *	FILES_ERROR {str path, str message}	there is one, but it is not to
 *		be had; the scan is then incomplete
 *	FILES_NONE {}		no such file; or no further one
 */
#ifndef GATE_FILES_H
#define GATE_FILES_H

enum files_message {
	FILES_NEXT = 1,
	FILES_OPEN,
	FILES_INCLUDE,
	FILES_FILE,
	FILES_ERROR,
	FILES_NONE,
};

#endif
