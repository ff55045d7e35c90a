/* store.h - a session with a store: calls into its plugin, with errors as texts. One thread at a time; it may wait. */
#ifndef PLUGIN_STORE_H
#define PLUGIN_STORE_H

#include "plugin/call.h"
#include "plugin/plugin.h"

/* As plugin_open_provider(): an instance, which has not connected yet. */
int plugin_open_store(const struct plugin *plugin, const struct json *settings, void **instance, struct fail *fail);
void plugin_close_store(const struct plugin *plugin, void *instance);

struct store_session;

/* NULL with *status, and with `fail` unless it is GW_MISS: there is nothing to read yet. `mode`: GW_STORE_READ or GW_STORE_WRITE.
 * Given: store_detach(). */
struct store_session *store_attach(const struct plugin *plugin, void *instance, uint32_t mode, gw_status *status,
                                   struct fail *fail);
void store_detach(struct store_session *session);

/* Each answers the plugin's status; `fail` is set where it is an error. Records that a plugin hands in are copies of the part that both
 * sides know, lent for the call of `each`. */
gw_status store_cursor(struct store_session *session, gw_store_cursor *cursor, struct fail *fail);
gw_status store_put(struct store_session *session, const gw_store_batch *batch, struct fail *fail);
gw_status store_prune(struct store_session *session, int64_t before_ms, uint32_t most, uint32_t *removed,
                      struct fail *fail);
gw_status store_sums(struct store_session *session, const gw_store_query *query, gw_store_cursor *cursor,
                     void (*each)(void *owner, const gw_store_group *group), void *owner, struct fail *fail);
gw_status store_rows(struct store_session *session, const gw_store_find *find,
                     void (*each)(void *owner, const gw_store_row *row), void *owner, struct fail *fail);

#endif
