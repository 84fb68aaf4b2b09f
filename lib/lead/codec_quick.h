/* codec_quick: the quick way of codec_unpack(), for bytes without anything rare in them. Only codec.c asks for it. */
#ifndef PUNNET_CODEC_QUICK_H
#define PUNNET_CODEC_QUICK_H

#include "codec.h"

#define CODEC_NESTING_MAX 32 /* messages inside messages; ours nest five deep */

/* NULL: it is no such message, or something in it is rare; codec_unpack() goes on the slow way. */
_must_use_ void *codec_unpack_quick(struct arena *a, const ProtobufCMessageDescriptor *type,
				    struct slice bytes);

/* The slow way's own check: framing, and texts however deep they stand. What the quick way takes has passed it. */
_must_use_ bool codec_is_good(const ProtobufCMessageDescriptor *type, struct slice bytes);

static inline const ProtobufCFieldDescriptor *codec_field_of(const ProtobufCMessageDescriptor *type,
							     uint64_t id)
{
	/* Most messages number their fields from 1 without gaps. */
	if (id >= 1 && id <= type->n_fields && type->fields[id - 1].id == id)
		return &type->fields[id - 1];
	return protobuf_c_message_descriptor_get_field(type, (unsigned)id);
}

#endif
