/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A safeguard that a test takes out, to see what it is needed for: in every
 * program of ours SAFEGUARD(name) is 1. Only programs that tests/without
 * builds for itself have it otherwise, each without one of them.
 * Also for programs that run in the kernel: nothing is included.
 */
#ifndef BASE_SAFEGUARD_H
#define BASE_SAFEGUARD_H

#ifndef SAFEGUARD
#define SAFEGUARD(name) 1
#endif

#endif
