/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for reports about GitHub Actions. */
#ifndef REPORT_ACTIONS_H
#define REPORT_ACTIONS_H

struct checker;
struct osv_affected;

/* Name owner/repo[/folder…], versions that do not move. */
void actions_check(struct checker *c, const struct osv_affected *a);

#endif
