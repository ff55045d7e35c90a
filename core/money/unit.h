/* unit.h - what can be priced: kinds of tokens, requests, searches, pages, seconds. */
#ifndef MONEY_UNIT_H
#define MONEY_UNIT_H

#include <stdint.h>

#include "base/text.h"

/* Quantities are disjoint: a cached token is not an input token too. */
enum unit {
    UNIT_INPUT,
    UNIT_CACHE_READ,
    UNIT_CACHE_WRITE, /* kept for 5 minutes, or for a time that the price does not depend on */
    UNIT_CACHE_WRITE_1H,
    UNIT_AUDIO_IN,
    UNIT_CACHE_AUDIO, /* audio read from a cache */
    UNIT_IMAGE_IN,
    UNIT_CACHE_IMAGE,
    UNIT_VIDEO_IN,
    UNIT_OUTPUT,
    UNIT_REASONING,
    UNIT_AUDIO_OUT,
    UNIT_IMAGE_OUT,
    UNIT_VIDEO_OUT,
    UNIT_CITATION,
    UNIT_REQUEST,
    UNIT_WEB_SEARCH,
    UNIT_STORAGE_SEARCH,
    UNIT_PAGE,
    UNIT_ANNOTATED_PAGE,
    UNIT_CHARACTER,
    UNIT_AUDIO_SECOND,
    UNIT_MESSAGE,
    UNITS
};

struct unit_info {
    struct text name; /* in the price book and in gateway.lua */
    int64_t per;      /* a price is for so many: 1,000,000 tokens, 1,000 requests, 3,600 seconds */
    /* Whose price counts where this unit has none of its own, the nearest first; UNITS ends the list. */
    enum unit instead[3];
};

/* Static. Any thread. */
const struct unit_info *unit_info(enum unit unit);
/* UNITS when there is no unit of that name. */
enum unit unit_find(struct text name);
/* Do its tokens count for the length of the input, on which tiers of prices depend? */
int unit_is_input(enum unit unit);

#endif
