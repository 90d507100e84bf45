/* SPDX-License-Identifier: Apache-2.0 */
/* The rules themselves, one file each, and what they share. */
#ifndef ECOSYSTEM_VERSION_PRIV_H
#define ECOSYSTEM_VERSION_PRIV_H

#include "base/str.h"
#include "ecosystem/version.h"

version_compare version_semver, version_nuget, version_pub;
version_compare version_pep440;
version_compare version_gem;
version_compare version_maven;
version_compare version_php;
version_compare version_dpkg;
version_compare version_rpm;
version_compare version_apk;
version_compare version_cran, version_hackage;
version_compare version_opam;

/* Two runs of decimal digits as numbers of any size; empty counts as 0. */
int digits_compare(struct str a, struct str b);
bool is_digit(char c);
bool is_alpha(char c); /* ASCII */
bool all_digits(struct str s); /* and not empty */
/* Takes the longest prefix of *s whose characters pass test. */
struct str take_while(struct str *s, bool (*test)(char));
int sign(long v);

#endif
