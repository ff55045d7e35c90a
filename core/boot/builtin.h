/* builtin.h - the configuration when there is no file: lua.md calls it "no file works". Boot thread. */
#ifndef BOOT_BUILTIN_H
#define BOOT_BUILTIN_H

#include "base/buf.h"
#include "boot/load.h"

/* Its text, written as a gateway.lua: every provider plugin in the folders that needs no more than its usual
 * key, the other services it knows whose key is set, and the model `demo`. Appended to `out`. Plugins that do not load become notes of the report. */
void builtin_write(const char *const *folders, struct load_report *report, struct buf *out);

#endif
