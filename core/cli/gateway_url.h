/* gateway_url.h - which gateway a verb that speaks to one means. */
#ifndef CLI_GATEWAY_URL_H
#define CLI_GATEWAY_URL_H

#include "cli/cli.h"

/* --url or GW_URL, else GW_LISTEN's address, else http://127.0.0.1:8080; without a trailing / or /v1. Given: free(). */
char *gateway_url(const struct cli *cli);

#endif
