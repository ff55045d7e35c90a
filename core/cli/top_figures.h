/* top_figures.h - what /metrics reports, read twice, as a table of rates. One thread. */
#ifndef CLI_TOP_FIGURES_H
#define CLI_TOP_FIGURES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/text.h"

/* One reading. */
struct top_figures {
    struct arena arena;
    struct map values; /* `name{labels}` -> double */
    double at_s;       /* Unix time */
};

/* Reads the text of /metrics, which is copied; an absent one: nothing was read. */
void top_figures_read(struct top_figures *figures, struct text metrics, double at_s);
void top_figures_free(struct top_figures *figures);
/* The table, appended: rates from one reading to the other. `before` with nothing in it: means since the gateway's start. */
void top_figures_write(const struct top_figures *before, const struct top_figures *now, struct text url,
                       struct buf *out);

#endif
