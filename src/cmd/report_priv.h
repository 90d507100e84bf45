/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of lazaret report, one file each. */
#ifndef CMD_REPORT_PRIV_H
#define CMD_REPORT_PRIV_H

int report_assign_main(int argc, char **argv);
int report_draft_main(int argc, char **argv);
int report_export_main(int argc, char **argv);
int report_ingest_main(int argc, char **argv);
int report_merge_main(int argc, char **argv);
int report_snapshot_main(int argc, char **argv);
int report_stats_main(int argc, char **argv);
int report_unwithdraw_main(int argc, char **argv);
int report_withdraw_main(int argc, char **argv);
int report_validate_main(int argc, char **argv);

#endif
