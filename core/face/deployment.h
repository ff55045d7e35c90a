/* deployment.h - Azure's clients name the model in the path (/openai/deployments/NAME/...), and may leave it out of the body. */
#ifndef FACE_DEPLOYMENT_H
#define FACE_DEPLOYMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

/* Appends the body with `model` as its model: the path decides, as it does at Azure
 * (learn.microsoft.com/azure/ai-foundry/openai/reference, 2026-11). False when the body is neither a JSON object nor a form: it
 * is then left to decode(), which names what is wrong. Any thread. */
bool deployment_write(struct arena *arena, struct text content_type, struct text body, struct text model,
                      struct buf *out);

#endif
