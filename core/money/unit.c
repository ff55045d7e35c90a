/* unit.c - the table of units. */
#include "money/unit.h"

#include <stddef.h>

#include "base/fail.h"

enum { TOKENS = 1000000, KILO = 1000, HOUR = 3600 };

static const struct unit_info table[UNITS] = {
    [UNIT_INPUT] = { TEXT("input"), TOKENS, { UNITS } },
    [UNIT_CACHE_READ] = { TEXT("cache_read"), TOKENS, { UNIT_INPUT, UNITS } },
    [UNIT_CACHE_WRITE] = { TEXT("cache_write"), TOKENS, { UNIT_INPUT, UNITS } },
    [UNIT_CACHE_WRITE_1H] = { TEXT("cache_write_1h"), TOKENS, { UNIT_CACHE_WRITE, UNIT_INPUT, UNITS } },
    [UNIT_AUDIO_IN] = { TEXT("audio_in"), TOKENS, { UNIT_INPUT, UNITS } },
    [UNIT_CACHE_AUDIO] = { TEXT("cache_audio"), TOKENS, { UNIT_CACHE_READ, UNIT_INPUT, UNITS } },
    [UNIT_IMAGE_IN] = { TEXT("image_in"), TOKENS, { UNIT_INPUT, UNITS } },
    [UNIT_CACHE_IMAGE] = { TEXT("cache_image"), TOKENS, { UNIT_CACHE_READ, UNIT_INPUT, UNITS } },
    [UNIT_VIDEO_IN] = { TEXT("video_in"), TOKENS, { UNIT_INPUT, UNITS } },
    [UNIT_OUTPUT] = { TEXT("output"), TOKENS, { UNITS } },
    [UNIT_REASONING] = { TEXT("reasoning"), TOKENS, { UNIT_OUTPUT, UNITS } },
    [UNIT_AUDIO_OUT] = { TEXT("audio_out"), TOKENS, { UNIT_OUTPUT, UNITS } },
    [UNIT_IMAGE_OUT] = { TEXT("image_out"), TOKENS, { UNIT_OUTPUT, UNITS } },
    [UNIT_VIDEO_OUT] = { TEXT("video_out"), TOKENS, { UNIT_OUTPUT, UNITS } },
    [UNIT_CITATION] = { TEXT("citation"), TOKENS, { UNIT_OUTPUT, UNITS } },
    [UNIT_REQUEST] = { TEXT("request"), KILO, { UNITS } },
    [UNIT_WEB_SEARCH] = { TEXT("web_search"), KILO, { UNITS } },
    [UNIT_STORAGE_SEARCH] = { TEXT("storage_search"), KILO, { UNITS } },
    [UNIT_PAGE] = { TEXT("page"), KILO, { UNITS } },
    [UNIT_ANNOTATED_PAGE] = { TEXT("annotated_page"), KILO, { UNIT_PAGE, UNITS } },
    [UNIT_CHARACTER] = { TEXT("character"), TOKENS, { UNITS } },
    [UNIT_AUDIO_SECOND] = { TEXT("audio_second"), HOUR, { UNITS } },
    [UNIT_MESSAGE] = { TEXT("message"), KILO, { UNITS } },
};

const struct unit_info *unit_info(enum unit unit)
{
    BUG_IF(unit >= UNITS);
    return &table[unit];
}

enum unit unit_find(struct text name)
{
    for (enum unit unit = 0; unit < UNITS; unit++)
        if (text_eq(table[unit].name, name))
            return unit;
    return UNITS;
}

int unit_is_input(enum unit unit)
{
    return unit <= UNIT_VIDEO_IN;
}
