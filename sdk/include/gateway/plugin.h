/* plugin.h - the one symbol a plugin exports. */
#ifndef GATEWAY_PLUGIN_H
#define GATEWAY_PLUGIN_H

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GW_KIND_PROVIDER 1u
#define GW_KIND_CACHE 2u
#define GW_KIND_STORE 3u
#define GW_KIND_SINK 4u

/* Types of settings: GW_JSON_* of host.h. */
#define GW_OPTION_REQUIRED (1u << 0)
#define GW_OPTION_SECRET (1u << 1) /* takes env "…" or file "…" only, and never prints */
/* A secret by name: it stands in `secrets = { name = env "…" }` and not beside the other settings; host->secret() gives
 * it, open() does not see it. REQUIRED: where secrets are given by name, this one must be. A string. */
#define GW_OPTION_NAMED (1u << 2)

/* One setting the plugin understands; the core checks gateway.lua against these before
 * open(), so a typo is an error with file and line. The words every provider has (plugin,
 * base_url, secrets, headers, price) are the core's and are not listed here. */
typedef struct gw_option {
    const char *name; /* NULL ends the list */
    const char *help; /* one line */
    uint32_t type;    /* GW_JSON_BOOL, _INT, _REAL, _STR, _ARRAY or _OBJECT */
    uint32_t flags;   /* GW_OPTION_* */
} gw_option;

typedef struct gw_plugin {
    uint32_t abi_major;   /* the first three words never move: */
    uint32_t needs_minor; /* they are read before anything else */
    uint32_t size;
    uint32_t kind;
    const char *name; /* as gateway.lua names it */
    const char *version;
    const char *license; /* SPDX */
    const void *ops;     /* gw_provider_ops, gw_cache_ops or gw_store_ops, by kind */
    const gw_option *options;
} gw_plugin;

typedef const gw_plugin *(*gw_plugin_entry_fn)(void);

/* The least minor version this plugin can run on: from 1.0 on it may be defined lower before this file is included,
 * when every newer function is guarded by GW_HAS(). While the major is 0 it is the counter, and stays as it is. */
#ifndef GW_NEEDS_MINOR
#define GW_NEEDS_MINOR GW_ABI_MINOR
#endif

#if defined(__GNUC__)
#define GW_EXPORT __attribute__((visibility("default")))
#else
#define GW_EXPORT
#endif

/* Compiled with -DGW_BUILTIN=name the same file can be linked into a program or a test
 * instead of being loaded. */
#ifdef GW_BUILTIN
#define GW_PASTE_(a, b) a##b
#define GW_PASTE(a, b) GW_PASTE_(a, b)
#define GW_ENTRY GW_PASTE(gw_plugin_entry_, GW_BUILTIN)
#else
#define GW_ENTRY gw_plugin_entry
#endif

#ifdef __cplusplus
#define GW_PLUGIN_C extern "C"
#else
#define GW_PLUGIN_C
#endif

#define GW_PLUGIN(...)                                                                                                 \
    GW_PLUGIN_C GW_EXPORT const gw_plugin *GW_ENTRY(void);                                                             \
    GW_PLUGIN_C GW_EXPORT const gw_plugin *GW_ENTRY(void)                                                              \
    {                                                                                                                  \
        static const gw_plugin p = {                                                                                   \
            .abi_major = GW_ABI_MAJOR, .needs_minor = GW_NEEDS_MINOR, .size = sizeof(gw_plugin), __VA_ARGS__           \
        };                                                                                                             \
        return &p;                                                                                                     \
    }                                                                                                                  \
    typedef int gw_plugin_declared_once

#ifdef __cplusplus
}
#endif
#endif
