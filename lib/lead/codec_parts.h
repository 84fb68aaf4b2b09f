/* codec_parts: what the codec's files share. */
#ifndef PUNNET_CODEC_PARTS_H
#define PUNNET_CODEC_PARTS_H

#include "codec.h"

#define CODEC_NESTING_MAX 32 /* messages inside messages; ours nest five deep */

bool codec_text_is_good(struct slice text);
/* In one pass; NULL: not as our services write it, which says nothing about whether it is good. */
_must_use_ void *codec_unpack_usual(struct arena *a, const ProtobufCMessageDescriptor *type,
				    struct slice bytes);
/* By protobuf-c, after a look at the texts. NULL: not good. */
_must_use_ void *codec_unpack_any(struct arena *a, const ProtobufCMessageDescriptor *type,
				  struct slice bytes);

#endif
