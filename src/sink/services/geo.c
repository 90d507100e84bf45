/* SPDX-License-Identifier: Apache-2.0 */
/* "What is my address, and where is it?" in the shapes that are common. */
#include "sink/service_priv.h"

/* Hosts that have the word in one of their labels, and paths of that shape. */
#define IP_HOST \
	"@(ip|*.ip|ip.*|*.ip.*|ipinfo*|*ipify*|*ip-api*|*geoip*|*icanhaz*|" \
	"*ifconfig*|*checkip*|*myip*|*.ipinfo.*|ipapi*|*whoami*|freegeo*)"
#define WHERE \
	"{\"status\":\"success\",\"ip\":\"$address\",\"query\":\"$address\"," \
	"\"country\":\"$country\",\"countryCode\":\"$code\"," \
	"\"country_code\":\"$code\",\"country_name\":\"$country\"," \
	"\"region\":\"$region\",\"regionName\":\"$region\"," \
	"\"city\":\"$city\",\"loc\":\"$location\",\"lat\":$latitude," \
	"\"lon\":$longitude,\"latitude\":$latitude," \
	"\"longitude\":$longitude,\"timezone\":\"$zone\"," \
	"\"org\":\"AS64496 Cable and Fibre\",\"isp\":\"Cable and Fibre\"," \
	"\"as\":\"AS64496\",\"hosting\":false,\"proxy\":false," \
	"\"mobile\":false}"

const struct service services_geo[] = {
	{ "GET", IP_HOST, "/ip", NULL, 200, "text/plain", "$address\n" },
	{ "GET", IP_HOST, "/*json*", NULL, 200, "application/json", WHERE },
	{ "GET", IP_HOST, "/api/*", NULL, 200, "application/json", WHERE },
	{ "GET", IP_HOST, "/*geo*", NULL, 200, "application/json", WHERE },
	{ "GET", IP_HOST, "/country*", NULL, 200, "text/plain", "$code\n" },
	{ "GET", IP_HOST, "/*", NULL, 200, "text/plain", "$address\n" },
	{ "GET", NULL, "/geoip*", NULL, 200, "application/json", WHERE },
	{ "GET", NULL, "/api/ip*", NULL, 200, "application/json", WHERE },
	{ "GET", NULL, "/myip*", NULL, 200, "text/plain", "$address\n" },
	{ "GET", NULL, "/cdn-cgi/trace", NULL, 200, "text/plain",
	    "fl=21f410\nip=$address\nts=1\nvisit_scheme=https\nloc=$code\n"
	    "tls=TLSv1.3\nwarp=off\n" },
	{ .method = NULL },
};
