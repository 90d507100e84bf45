/* SPDX-License-Identifier: Apache-2.0 */
/* The Link header of RFC 8288, as servers of long lists send it. */
#ifndef FETCH_LINK_H
#define FETCH_LINK_H

#include "base/str.h"

struct buf;

/* The address of the page after this one, absolute; nothing is written where
 * there is none. What is no address of the web is written as it is. */
void link_next(struct str page_url, struct str header, struct buf *ret);

#endif
