/* key.h - the key of an exact cache: a digest of all that decides what is answered, and to whom. Pure functions, any thread. */
#ifndef CACHE_KEY_H
#define CACHE_KEY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/scan.h"

#define CACHE_KEY_LEN 64  /* hex digits */
#define CACHE_KEY_NAME 16 /* of them name the entry */

/* A header that the upstream gets. */
struct cache_header {
    struct text name, value;
};

/* All lent. */
struct cache_parts {
    struct text team, space; /* whose it is */
    struct text face;        /* the client's API */
    struct text model;       /* the block of gateway.lua that answers; absent: none */
    struct text target;      /* who answers: provider and upstream model */
    struct text path, query; /* those parts of the client's address that go to the upstream */
    const struct cache_header *headers;
    size_t header_count;
    struct text generation;  /* the policies, and what is configured of model and target */
    const struct scan *scan; /* the request's members */
};

/* Fills `out` with the key and a NUL. False: there is no memory for it. `scratch` is used and not reset. */
bool key_make(struct arena *scratch, const uint8_t seal[CRYPTO_SHA256_LEN], const struct cache_parts *parts,
              char out[CACHE_KEY_LEN + 1]);

/* Makes another key of it: its entry was purged `generation` times. The first digits, which name the entry, stay as they are. */
void key_again(const uint8_t seal[CRYPTO_SHA256_LEN], unsigned generation, char key[CACHE_KEY_LEN + 1]);

#endif
