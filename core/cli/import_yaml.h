/* import_yaml.h - a YAML file as JSON, so that it can be looked through like any other. Any thread. */
#ifndef CLI_IMPORT_YAML_H
#define CLI_IMPORT_YAML_H

#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"

/* The first document as one JSON value, appended. Plain scalars are what YAML's core schema makes of them; names of members are texts.
 * Aliases are copied, "<<" is refused. 0, or -1 with `fail`, which names the line. */
int import_yaml_read(struct text yaml, struct buf *json, struct fail *fail);

#endif
