/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put before the sources of a program for a test (-include), with
 * -DWITHOUT="name": as if we had never thought of that safeguard. In no
 * program of ours: base/safeguard.h says there that all of them are in.
 */
#ifndef TESTS_WITHOUT_WITHOUT_H
#define TESTS_WITHOUT_WITHOUT_H

#define SAFEGUARD(name) (__builtin_strcmp(#name, WITHOUT) != 0)

#endif
