/* address.h - an upstream's URL in its parts. */
#ifndef UPSTREAM_ADDRESS_H
#define UPSTREAM_ADDRESS_H

#include <stdbool.h>

#include "base/text.h"

/* All parts are lent from the URL. */
struct address {
    struct text origin; /* "https://host:port", as written: what is dialled, and the pool's key */
    struct text host;   /* "host:port", as written */
    struct text path;   /* from the first '/' or '?'; may be empty */
    bool tls;
};

/* http or https, a host, maybe a port, a path of visible ASCII; no user info, no fragment. 0, or -1 with
 * *why, static. */
int address_parse(struct text url, struct address *out, const char **why);

#endif
