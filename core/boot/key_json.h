/* key_json.h - keys and teams of a snapshot as JSON, without any secret: what commands and the admin API show. */
#ifndef BOOT_KEY_JSON_H
#define BOOT_KEY_JSON_H

#include "base/json.h"
#include "config/config.h"

/* "on", "off" or "expired". Static. */
const char *key_json_state(const struct config_key *key);
/* Whole objects. */
void key_json_write(const struct config_key *key, struct json_writer *w);
void key_json_team(const struct config *config, const struct config_team *team, struct json_writer *w);
/* Keys of the team. */
size_t key_json_count(const struct config *config, const struct config_team *team);

#endif
