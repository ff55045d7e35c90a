/* import_litellm.h - the parts of LiteLLM's config.yaml: deployments in groups, providers that several share, and what could not be
 * carried. For the files of import alone. */
#ifndef CLI_IMPORT_LITELLM_H
#define CLI_IMPORT_LITELLM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum { IMPORT_MOST = 2000 };

/* A provider of gateway.lua; two deployments share it when all of this is the same. Texts are absent where not given. */
struct import_provider {
    const char *name;   /* as gateway.lua calls it */
    struct text kind;   /* the word that says what it is: a service or a plugin */
    const char *plugin; /* NULL: the kind is a service or a plugin of that name */
    struct text base_url, api_version, region, organization;
    struct text secret; /* the name of a variable */
};

struct import_deployment {
    struct text group; /* model_name: what clients ask for */
    struct import_provider *provider;
    struct text model;             /* of the provider */
    int64_t weight, max_in_flight; /* 0: not given */
    double timeout_s, stream_timeout_s;
    struct text region;
    const struct json *input_cost, *output_cost, *cache_read_cost; /* USD a token; NULL: not given */
};

struct import {
    struct arena *arena;
    const struct json *root;
    struct import_provider *providers[IMPORT_MOST];
    size_t provider_count;
    struct import_deployment *deployments[IMPORT_MOST];
    size_t deployment_count;
    struct buf notes; /* a line for each thing that was not carried, and why */
    unsigned secrets; /* that stood in the file itself: each becomes a variable */
};

/* Reads model_list. */
void import_litellm_read(struct import *import);
/* A line for the notes. */
void import_litellm_note(struct import *import, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* import_write.c: gateway.lua, appended. */
void import_write(struct import *import, struct buf *out);
/* The member of the first of litellm_settings, router_settings and general_settings that has it. NULL: none has. */
const struct json *import_write_setting(const struct import *import, const char *name);

#endif
