/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks and bots of messengers: where stolen data is often sent. */
#include "sink/service_priv.h"

#define JSON  "application/json"
#define PLAIN "text/plain"

#define MESSAGE \
	"{\"ok\":true,\"result\":{\"message_id\":1842,\"date\":1717340480," \
	"\"chat\":{\"id\":-1001942,\"type\":\"private\"}," \
	"\"from\":{\"id\":70215,\"is_bot\":true,\"first_name\":\"bot\"}}}"

const struct service services_messenger[] = {
	{ "POST", NULL, "/api/webhooks/*/*", NULL, 204, NULL, "" },
	{ "POST", NULL, "/api/v*/webhooks/*/*", NULL, 204, NULL, "" },
	{ "GET", NULL, "/api/*webhooks/*/*", NULL, 200, JSON,
	    "{\"type\":1,\"id\":\"1194402851\",\"name\":\"hook\","
	    "\"channel_id\":\"1194402850\",\"guild_id\":\"1194402849\"}" },
	{ "*", NULL, "/bot*:*/getMe", NULL, 200, JSON,
	    "{\"ok\":true,\"result\":{\"id\":70215,\"is_bot\":true,"
	    "\"first_name\":\"bot\",\"username\":\"notes_bot\"}}" },
	{ "*", NULL, "/bot*:*/getUpdates", NULL, 200, JSON,
	    "{\"ok\":true,\"result\":[]}" },
	{ "*", NULL, "/bot*:*/send*", NULL, 200, JSON, MESSAGE },
	{ "*", NULL, "/bot*:*/*", NULL, 200, JSON,
	    "{\"ok\":true,\"result\":true}" },
	{ "POST", NULL, "/services/T*/B*/*", NULL, 200, PLAIN, "ok" },
	{ "POST", NULL, "/api/chat.*", NULL, 200, JSON,
	    "{\"ok\":true,\"channel\":\"C024BE91L\","
	    "\"ts\":\"1717340480.001200\"}" },
	{ "POST", NULL, "/api/files.*", NULL, 200, JSON, "{\"ok\":true}" },
	{ .method = NULL },
};
