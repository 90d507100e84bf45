/* SPDX-License-Identifier: Apache-2.0 */
/* The description of the API (openapi.json), made part of the program. */
#ifndef SERVE_OPENAPI_H
#define SERVE_OPENAPI_H

extern const char openapi_json[]; /* NUL-terminated */

#endif
