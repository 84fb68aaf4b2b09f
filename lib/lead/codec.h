/* codec: protobuf messages to and from bytes, and the names that stand in the `message` header of every record.
 *
 * Generated types come from proto/ by protoc-c ("proto/leads_raw.pb-c.h", …). Unpacking uses an arena: what it gives
 * lives as long as the arena and is never freed by protobuf's own functions. Text fields hold no NUL. */
#ifndef PUNNET_CODEC_H
#define PUNNET_CODEC_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/ids.h"
#include "proto/common.pb-c.h"

/* "punnet.v1.RawLead" for punnet__v1__raw_lead__descriptor. */
static inline const char *codec_type(const ProtobufCMessageDescriptor *type)
{
	return type->name;
}

/* NULL when the bytes are not such a message, or hold text that is not UTF-8. */
_must_use_ void *codec_unpack(struct arena *a, const ProtobufCMessageDescriptor *type,
			      struct slice bytes);
/* The bytes of a text, bytes or message field, the last one of that number, without unpacking the rest. false: there is none,
 * or the bytes are no message as far as they were looked at. For bytes that codec_unpack() once took. */
_must_use_ bool codec_find(struct slice bytes, uint32_t field, struct slice *ret);
/* Appends the packed message; check out->failed. */
void codec_pack(const ProtobufCMessage *message, struct buf *out);

static inline struct slice codec_bytes(ProtobufCBinaryData b)
{
	return slice_of(b.data, b.len);
}

/* Binary data that points at the id; the id must outlive the packing. */
static inline ProtobufCBinaryData codec_lead_id(const struct lead_id *id)
{
	return (ProtobufCBinaryData){.len = sizeof(id->bytes), .data = (uint8_t *)id->bytes};
}

/* Provenance as a value, with the topic interned (static text). */
struct provenance {
	const char *topic;
	uint32_t partition;
	uint64_t offset;
	uint32_t step;
};

void provenance_fill(const struct provenance *p,
		     Punnet__V1__Provenance *ret); /* borrows p->topic */

#endif
