/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata services of clouds: instances and containers of three kinds. */
#include "sink/service_priv.h"

#define JSON  "application/json"
#define PLAIN "text/plain"
#define ROLE  "app-server-role"

#define CREDENTIALS \
	"{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"$now\",\n" \
	"  \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : \"$key_id\",\n" \
	"  \"SecretAccessKey\" : \"$secret\",\n  \"Token\" : \"$token\",\n" \
	"  \"Expiration\" : \"$expiry\"\n}\n"
#define TREE \
	"ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-ipv4\n" \
	"placement/\npublic-ipv4\nsecurity-groups"
#define INSTANCE "i-0a4c81d27be95f360"

const struct service services_metadata[] = {
	{ "PUT", NULL, "/latest/api/token", NULL, 200, PLAIN,
	    "AQAEAJ3kVw2mTq0Zr8bYc5nL1xHs7uPdGfEo4iRa6tNvKjMyWA==" },
	{ "GET", NULL, "/latest/meta-data/iam/security-credentials/?*", NULL,
	    200, JSON, CREDENTIALS },
	{ "GET", NULL, "/latest/meta-data/iam/security-credentials*", NULL, 200,
	    PLAIN, ROLE },
	{ "GET", NULL, "/latest/meta-data/iam/info", NULL, 200, JSON,
	    "{\"Code\":\"Success\",\"LastUpdated\":\"$now\","
	    "\"InstanceProfileId\":\"AIPA4T7Q2M5X6ZKJ3WLN\"}" },
	{ "GET", NULL, "/latest/meta-data/iam*", NULL, 200, PLAIN,
	    "info\nsecurity-credentials/" },
	{ "GET", NULL, "/latest/meta-data/instance-id", NULL, 200, PLAIN,
	    INSTANCE },
	{ "GET", NULL, "/latest/meta-data/instance-type", NULL, 200, PLAIN,
	    "t3.medium" },
	{ "GET", NULL, "/latest/meta-data/hostname", NULL, 200, PLAIN,
	    "ip-172-31-18-204.ec2.internal" },
	{ "GET", NULL, "/latest/meta-data/local-*", NULL, 200, PLAIN,
	    "172.31.18.204" },
	{ "GET", NULL, "/latest/meta-data/public-*", NULL, 200, PLAIN,
	    "$address" },
	{ "GET", NULL, "/latest/meta-data/placement/region", NULL, 200, PLAIN,
	    "eu-central-1" },
	{ "GET", NULL, "/latest/meta-data/placement*", NULL, 200, PLAIN,
	    "eu-central-1a" },
	{ "GET", NULL, "/latest/meta-data*", NULL, 200, PLAIN, TREE },
	{ "GET", NULL, "/latest/dynamic/instance-identity/document", NULL, 200,
	    JSON,
	    "{\"accountId\":\"420817365094\",\"instanceId\":\"" INSTANCE
	    "\",\"instanceType\":\"t3.medium\",\"region\":\"eu-central-1\","
	    "\"availabilityZone\":\"eu-central-1a\","
	    "\"privateIp\":\"172.31.18.204\"}" },
	{ "GET", NULL, "/latest/user-data", NULL, 200, PLAIN,
	    "#!/bin/sh\nexport APP_ENV=production\n" },
	/* Credentials of a container's task. */
	{ "GET", NULL, "/v2/credentials*", NULL, 200, JSON, CREDENTIALS },
	{ "GET", NULL, "/computeMetadata/v1/instance/service-accounts/*/token",
	    "metadata-flavor", 200, JSON,
	    "{\"access_token\":\"$token\",\"expires_in\":3599,"
	    "\"token_type\":\"Bearer\"}" },
	{ "GET", NULL, "/computeMetadata/v1/instance/service-accounts*",
	    "metadata-flavor", 200, PLAIN, "default/\n" },
	{ "GET", NULL, "/computeMetadata/v1/project/project-id",
	    "metadata-flavor", 200, PLAIN, "app-production-4471" },
	{ "GET", NULL, "/computeMetadata/v1*", "metadata-flavor", 200, PLAIN,
	    "instance/\noslogin/\nproject/\n" },
	{ "GET", NULL, "/metadata/identity/oauth2/token", "metadata", 200, JSON,
	    "{\"access_token\":\"$token\",\"expires_in\":\"86399\","
	    "\"resource\":\"https://management.azure.invalid/\","
	    "\"token_type\":\"Bearer\"}" },
	{ "GET", NULL, "/metadata/instance*", "metadata", 200, JSON,
	    "{\"compute\":{\"location\":\"westeurope\",\"name\":\"app-01\","
	    "\"osType\":\"Linux\",\"vmSize\":\"Standard_B2s\"}}" },
	{ .method = NULL },
};
