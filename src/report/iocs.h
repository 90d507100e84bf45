/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators of compromise in reports: domains, ips, urls, files. */
#ifndef REPORT_IOCS_H
#define REPORT_IOCS_H

#include <stdbool.h>

#include "base/str.h"

struct checker;
struct yyjson_val;

/* v NULL: nothing to check. path: from the current member of the checker. */
void iocs_check(struct checker *c, struct yyjson_val *v, const char *path);
bool iocs_domain_valid(struct str s);
bool iocs_ip_valid(struct str s); /* an address or a CIDR block */
bool iocs_url_valid(struct str s);

#endif
