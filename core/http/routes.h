/* routes.h - which path means what: one table. What is relayed goes to the path of the table, never to one that a client wrote. */
#ifndef HTTP_ROUTES_H
#define HTTP_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "canon/error.h"
#include "face/face.h"

struct client;

#define ROUTE_GET (1u << 0)
#define ROUTE_HEAD (1u << 1)
#define ROUTE_POST (1u << 2)
#define ROUTE_OPTIONS (1u << 3) /* every path answers it; not in `allow` of the table */
#define ROUTE_ANY (1u << 4)     /* whatever the method is (test builds) */

struct route {
    struct text path;
    bool tail;         /* `path` is a prefix; what follows is the tail */
    const char *query; /* names of the query that a relay passes on, blanks between; NULL: none */
    bool uploads;      /* its body may be a form with files */
    bool not_deployed; /* its path has no form with the name of a deployment in it */
    bool collects;     /* the front's own: wants the body in client->out */
    unsigned methods;  /* ROUTE_* */
    const char *allow;
    enum error_case refuse_get; /* what a GET is answered where it is not served; E_NONE: E_METHOD */
    const struct face *face;    /* NULL: the front's own */
    uint32_t operation;
    void (*serve)(struct client *c); /* the front's own: gives the answer, when the body is complete */
};

struct match {
    const struct route *route;       /* NULL when refuse is E_PATH or E_FRAMING */
    void (*serve)(struct client *c); /* the front answers this itself; NULL: a request */
    struct text tail;                /* decoded; lent from `scratch` */
    struct text deployment;          /* of /openai/deployments/NAME/..., decoded; lent from `scratch` */
    enum error_case refuse; /* E_NONE, E_PATH, E_METHOD, or E_FRAMING for an encoded slash where none belongs */
    const char *why;        /* set by who refuses otherwise, static: for a person */
};

/* One more path of an API, with its face: below the APIs' roots, as theirs. Copied. Boot thread, before any request. At most 8. */
void routes_add(const struct route *route);

/* What is served, for a client that asked for another path. */
extern const struct text routes_served;

/* `path` as in struct head_check, with its encoded_slash; `scratch` has path.len bytes. Any thread. */
struct match routes_find(struct text method, struct text path, size_t encoded_slash, char *scratch);

#endif
