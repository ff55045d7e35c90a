/* dump.h - the effective configuration as text of gateway.lua: `check -T`. Any thread. */
#ifndef BOOT_DUMP_H
#define BOOT_DUMP_H

#include "base/buf.h"
#include "config/config.h"

/* Everything, defaults included; secrets as where they come from. Appended. Loading the text gives an equal
 * configuration, when relative files are where they were. */
void dump_config(const struct config *config, struct buf *out);

#endif
