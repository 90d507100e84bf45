/* SPDX-License-Identifier: Apache-2.0 */
/* XML as a tree, see tree.h. */
#ifndef LOCKFILE_TREE_XML_PRIV_H
#define LOCKFILE_TREE_XML_PRIV_H

#include "lockfile/tree.h"

/* The element of the document; NULL when there is none. */
const struct tree_node *tree_xml(struct lock_list *l, struct str bytes);

#endif
