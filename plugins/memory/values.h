/* values.h - values by key in bounded memory, with an end of life each. Any thread. */
#ifndef MEMORY_VALUES_H
#define MEMORY_VALUES_H

#include <gateway/cache.h>

struct table;

/* At most `bytes` of memory. Given; NULL where memory is missing. */
struct table *table_new(size_t bytes);
void table_free(struct table *table);
/* `key`, lent, names team, space and key. Appends the value to `out`: GW_OK; GW_MISS. */
gw_status table_get(struct table *table, gw_str key, int64_t now_ms, const gw_host *host, gw_buf *out);
/* Copies `value`; what has not been used for long goes, large values first, until there is room. GW_MISS: `mode` is GW_SET_IF_ABSENT, and
 * the key is there. GW_E_REJECT: it is larger than a part of the memory. */
gw_status table_set(struct table *table, gw_str key, gw_str value, int64_t now_ms, int64_t ends_ms, uint32_t mode);
gw_status table_del(struct table *table, gw_str key);

#endif
