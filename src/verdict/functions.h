/* SPDX-License-Identifier: Apache-2.0 */
/* SQL functions that rules may use; see docs/HOWTO-add-a-rule.md. */
#ifndef VERDICT_FUNCTIONS_H
#define VERDICT_FUNCTIONS_H

struct error;
struct reader;

int functions_add(struct reader *r, struct error *err);

#endif
