/* view.h - a text of the plugin ABI as one of ours. Any thread. */
#ifndef CANON_VIEW_H
#define CANON_VIEW_H

#include <gateway/abi.h>

#include "base/text.h"

/* The same bytes, lent as long. */
static inline struct text view_text(gw_str s)
{
    return (struct text){ s.ptr, s.len };
}

#endif
