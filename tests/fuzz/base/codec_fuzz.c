/* The first byte chooses the message, the rest is one: what unpacks, packs again, and what was packed unpacks and packs
 * to the same bytes (the first packing may differ: fields in another order, repeats of a single field). */
#include "lead/codec.h"
#include "proto/directory.pb-c.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
    &punnet__v1__raw_lead__descriptor,        &punnet__v1__judged_lead__descriptor,
    &punnet__v1__market_event__descriptor,    &punnet__v1__routed_lead__descriptor,
    &punnet__v1__outcome__descriptor,         &punnet__v1__delivery_attempt__descriptor,
    &punnet__v1__directory_entry__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_free) struct arena a = {0};
	_cleanup_(buf_free) struct buf first = {0}, second = {0};
	const ProtobufCMessageDescriptor *type;
	ProtobufCMessage *message;

	if (size == 0)
		return 0;
	type = types[data[0] % ARRAY_LEN(types)];
	message = codec_unpack(&a, type, slice_of(data + 1, size - 1));
	if (!message)
		return 0;
	codec_pack(message, &first);
	message = codec_unpack(&a, type, buf_slice(&first));
	assert(message);
	codec_pack(message, &second);
	assert(slice_equal(buf_slice(&first), buf_slice(&second)));
	return 0;
}
