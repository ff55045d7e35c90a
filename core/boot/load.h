/* load.h - reads gateway.lua, or does without, and makes the snapshot. Boot thread.
 *
 *   load_eval.c ... load_words.c   run the file: what does it declare?
 *   link.c, link_*.c               join the declarations: providers, targets, teams, keys
 *   load.c                         both, then opens the providers' plugins */
#ifndef BOOT_LOAD_H
#define BOOT_LOAD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"
#include "boot/complain.h"
#include "config/config.h"

struct load_options {
    const char *file;           /* NULL: the built-in configuration */
    struct text source;         /* the file's text when it was read already; absent: it is read */
    struct text keys;           /* the text of the file of keys that commands make; absent: it is read */
    const char *listen;         /* ADDRESS:PORT that wins over the file; NULL */
    const char *listen_from;    /* where that came from: "--listen" */
    bool open_off;              /* open the plugins of providers that are off too, to ask them what they take */
    const char *const *folders; /* where plugins are, NULL-terminated; NULL: the usual ones */
    /* Tests link plugins in; NULL: plugin_find(). */
    const struct plugin *(*find_plugin)(const char *name, const char *const *folders, struct fail *fail);
};

/* What was found. With a complaint there is no snapshot. A warning is allowed and most likely a slip: it begins with
 * "warning: " and ends with what to do. A note is what a person should know all the same: which provider is off. */
struct load_report {
    struct complaints complaints, warnings, notes;
};

/* `options` names the file in what is reported; both are kept as long as the report. */
void load_report_init(struct load_report *report, const struct load_options *options);
void load_report_fini(struct load_report *report);
/* The sealed snapshot, given (config_unref), its plugins open; NULL after a complaint. json_start() and
 * crypto_start() were called. */
struct config *load_config(const struct load_options *options, struct load_report *report);
/* The folder that a file is in; "." where its path has none, NULL too. Arena. */
const char *load_folder_of(const char *file, struct arena *arena);
/* "5.4.4": of the Lua that runs gateway.lua. Static. */
const char *load_lua_version(void);

#endif
