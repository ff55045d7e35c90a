/* browser.h - what a web page can make a browser send: the checks of a gateway without keys, and the origins that may read
 * answers (CORS, fetch.spec.whatwg.org). Pure functions, any thread. */
#ifndef HTTP_BROWSER_H
#define HTTP_BROWSER_H

#include <stdbool.h>
#include <stddef.h>

#include "canon/error.h"
#include "config/config.h"
#include "flow/door.h"
#include "http/routes.h"

/* The headers of a request that only a browser sends, lent; absent where not sent. */
struct browser {
    struct text host, origin, site /* Sec-Fetch-Site */, type /* Content-Type */;
    struct text method, headers; /* Access-Control-Request-...: a preflight */
    bool is_one;                 /* Origin or Sec-Fetch-... was sent: no other client sends those */
    bool many;                   /* more than one Origin */
};

struct browser browser_read(const struct door_header *headers, size_t count);
/* Was a request of a loopback peer sent by this machine itself, with its name as the Host and none of the headers that a proxy
 * adds, and by no page of another site? */
bool browser_is_direct(const struct door_header *headers, size_t count);
/* Is the Origin one of the configuration's `cors` list? */
bool browser_is_listed(const struct browser *b, const struct config *config);
/* Without keys, whoever reaches the gateway spends the operator's money, so no web page may: a name that is not this
 * machine's (DNS rebinding), an origin or site that is not, a form. NULL when it may come in; else *which and why. `host` is
 * checked only where the gateway listens on loopback: with serve --insecure its names are not known. */
const char *browser_refusal(const struct browser *b, const struct config *config, const struct route *route,
                            enum error_case *which);
/* Does a host, with or without a port, mean this machine: localhost, a name below it, a loopback address? */
bool browser_is_local(struct text host);

#endif
