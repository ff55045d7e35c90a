/* abi.h - the words every plugin and the core must agree on. Plugin ABI 0.1: a candidate for 1.0.
 *
 * The rules:
 *  1. A plugin exports one symbol, the function gw_plugin_entry(). It returns a static
 *     descriptor; its first three words never move and are read before anything else.
 *  2. While GW_ABI_MAJOR is 0, GW_ABI_MINOR is a counter: it rises when something is removed, moves or changes
 *     its meaning, and the core refuses a plugin of another counter. What is appended does not raise it.
 *     From 1.0 on GW_ABI_MAJOR rises when something is removed or changes meaning, GW_ABI_MINOR when something
 *     is added; the core refuses another major and a plugin that needs a newer minor.
 *  3. Tables and records start with `size` and grow only at the end. The core copies
 *     min(their size, its size) into a zeroed table, so what an old plugin lacks is NULL.
 *     A plugin asks GW_HAS(host, field) before it uses a newer function.
 *  4. Only fixed-width integers, pointers and gw_str cross. No enum, bool, long, time_t or
 *     bit-field inside a struct, no varargs, no type of a third party. JSON crosses as
 *     opaque handles with a reader table and a writer table.
 *  5. Arrays of structs that may grow cross as arrays of pointers.
 *  6. Memory is lent for the call, or comes from host->alloc() and dies with the call, or is
 *     appended to something the core owns. Nothing allocated on one side is freed on the other.
 *  7. Errors are a status that shows who must act, plus a text given to host->explain().
 *  8. Threads are part of a function's comment: [boot], [worker], [job].
 *  9. A plugin stays loaded until the process ends; only its instances open and close.
 * 10. A plugin states its settings; the core checks gateway.lua against them before open().
 *
 * Frozen already: the entry symbol and the first three words, gw_str, the statuses, these rules. The rest is a
 * candidate: each change has a line in ABI-HISTORY.md.
 */
#ifndef GATEWAY_ABI_H
#define GATEWAY_ABI_H

#include <stddef.h>
#include <stdint.h>

#define GW_ABI_MAJOR 0u
#define GW_ABI_MINOR 1u

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed bytes: valid for the call that hands them over, never longer. Not
 * NUL-terminated. {NULL, 0} means absent, {"", 0} means empty. */
typedef struct gw_str {
    const char *ptr;
    size_t len;
} gw_str;

#ifdef __cplusplus
#define GW_LIT(s) (gw_str{ ("" s), sizeof(s) - 1 })
#else
#define GW_LIT(s) ((gw_str){ ("" s), sizeof(s) - 1 })
#endif

typedef int32_t gw_status; /* GW_OK, GW_MISS or one of GW_E_* */

#define GW_OK 0
#define GW_MISS 1          /* cache: no such key; read(), produce(): the answer is complete */
#define GW_E_NOMEM (-1)    /* out of memory or past a limit of the core */
#define GW_E_CONFIG (-2)   /* the operator must change gateway.lua */
#define GW_E_REQUEST (-3)  /* the client must change the request: 400 */
#define GW_E_PROTOCOL (-4) /* the peer sent what the plugin cannot read: 502 */
#define GW_E_RETRY (-5)    /* it may work later or elsewhere */
#define GW_E_REJECT (-6)   /* it will never work; do not send this again */
#define GW_E_UNKNOWN (-7)  /* cache: it was sent, and nobody knows whether it was done */

/* Opaque handles. Their size and fields are the core's business. */
typedef struct gw_call gw_call;     /* one call into a plugin: memory, error text, state */
typedef struct gw_json gw_json;     /* a read-only JSON value */
typedef struct gw_writer gw_writer; /* a JSON text being written, front to back */
typedef struct gw_buf gw_buf;       /* bytes owned by the core, appended by the plugin */
typedef struct gw_http gw_http;     /* the upstream HTTP request being built */

#ifdef __cplusplus
}
#endif
#endif
