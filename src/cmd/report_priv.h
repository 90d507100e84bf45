/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of lazaret report, one file each. */
#ifndef CMD_REPORT_PRIV_H
#define CMD_REPORT_PRIV_H

int report_validate_main(int argc, char **argv);

#endif
