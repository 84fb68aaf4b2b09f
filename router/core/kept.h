/* kept: what a market keeps of an admitted lead, in few bytes. Pure.
 *
 * It is the packed LeadAdmitted, in which the texts that many leads share (vertical, webmaster, place, names of fields and facts)
 * are numbers: those under which the market knows the word. A text field that is a number where it stands is no protobuf of that
 * message any more; kept_whole() gives the bytes as they were. Words are never forgotten, and no part of the state: at most
 * WORDS_MAX of WORD_BYTES_MAX bytes each, eight megabytes in all; what comes later, or is longer, stays as it is. */
#ifndef PUNNET_ROUTER_KEPT_H
#define PUNNET_ROUTER_KEPT_H

#include "base/buf.h"
#include "base/map.h"

#define WORDS_MAX      65536
#define WORD_BYTES_MAX 64

/* words: zero-initialised is empty and valid; the owner frees it with map_free(). Both append; check out->failed. */
void kept_squeeze(struct map *words, struct slice admitted, struct buf *out);
void kept_whole(const struct map *words, struct slice kept, struct buf *out);

#endif
