/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers run inside the image, as text for `node -e` (drivers/). */
#ifndef DECOY_DRIVERS_H
#define DECOY_DRIVERS_H

/* Arguments: what to install, as for npm install. */
extern const char driver_npm_allow[];
/* Arguments: "require" or "import", then specifiers. */
extern const char driver_npm_import[];

#endif
