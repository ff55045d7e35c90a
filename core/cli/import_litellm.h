/* import_litellm.h - the parts of LiteLLM's config.yaml: deployments in groups, providers that several share, and what could not be
 * carried. For the files of import alone. */
#ifndef CLI_IMPORT_LITELLM_H
#define CLI_IMPORT_LITELLM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum { IMPORT_MOST = 2000 };

/* What a provider of some kind takes. */
enum {
    IMPORT_ADDRESS = 1 << 0, /* it has no address of its own */
    IMPORT_V1 = 1 << 1,      /* its address ends in /v1 here, and not there */
    IMPORT_API_VERSION = 1 << 2,
    IMPORT_ORGANIZATION = 1 << 3,
    IMPORT_NO_NAME = 1 << 5, /* no plugin and no service has its name */
    IMPORT_AWS = 1 << 4,     /* a region, and secrets by name */
};

struct import_kind {
    const char *prefix; /* what stands before the "/" of litellm_params.model */
    const char *name;   /* of the provider in gateway.lua, which needs no more where it is a plugin or a service */
    const char *other;  /* what one of another name says of itself */
    unsigned takes;     /* IMPORT_* */
    const char *address, *variable; /* where none is given; NULL: those that its plugin or service knows */
};

/* A provider of gateway.lua; two deployments share it when all of this is the same. Texts are absent where not given. */
struct import_provider {
    const char *name; /* as gateway.lua calls it */
    const struct import_kind *kind;
    struct text base_url, api_version, region, organization;
    struct text secret;                           /* the name of a variable */
    struct text access_key_id, secret_access_key; /* of AWS, as the file has them */
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
/* May a model of gateway.lua be called so? */
bool import_litellm_is_name(struct text name);
/* A line for the notes. */
void import_litellm_note(struct import *import, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* import_write.c: gateway.lua, appended. */
void import_write(struct import *import, struct buf *out);
/* The member of the first of litellm_settings, router_settings and general_settings that has it. NULL: none has. */
const struct json *import_write_setting(const struct import *import, const char *name);

#endif
