/* seal: the box is written straight behind what the buffer holds.
 *
 * A contact is short, and libsodium's ChaCha20 makes what is below 256 bytes one block of 64 after the other. So for a short one
 * the block that Poly1305's key comes from and those of the contact are made in one piece, and the tag over one piece: RFC 8439,
 * section 2.8, of libsodium's own ChaCha20 and Poly1305, half the time. The unit test holds it against libsodium's box of
 * every length. */
#include "seal.h"

#include <endian.h>
#include <sodium.h>

#define PIECE_BYTES 256 /* from here on libsodium makes four blocks at once */
#define BLOCK_BYTES 64
#define SHORT_MAX   255 /* above, libsodium does the same by itself */
#define PAD_BYTES   16  /* of each part under the tag */

_Static_assert(SEAL_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SEAL_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SEAL_KEY_LEN == crypto_core_hchacha20_OUTPUTBYTES, "subkey");
_Static_assert(SEAL_PREFIX_LEN == crypto_core_hchacha20_INPUTBYTES, "prefix");
_Static_assert(SEAL_TAG_LEN == crypto_onetimeauth_poly1305_BYTES, "tag");
_Static_assert(PAD_BYTES == sizeof(((struct lead_id *)NULL)->bytes), "a lead id needs no padding");

/* --- one box of ChaCha20-Poly1305 --- */

#define SHORT_NONCE_LEN crypto_aead_chacha20poly1305_ietf_NPUBBYTES

/* A text behind its stream's first block, which is Poly1305's key. */
struct piece {
	uint8_t bytes[BLOCK_BYTES + PIECE_BYTES];
};

/* What the tag is over: the lead id, the box without its tag, their lengths; each part padded. */
struct tagged {
	uint8_t bytes[PAD_BYTES + SHORT_MAX + 1 + 2 * sizeof(uint64_t)];
};

/* Returns where the text stands, with the stream over it. */
static uint8_t *stream_over(struct piece *p, const void *text, size_t len,
			    const uint8_t nonce[SHORT_NONCE_LEN],
			    const uint8_t subkey[SEAL_KEY_LEN])
{
	size_t whole = MAX_OF(BLOCK_BYTES + len, (size_t)PIECE_BYTES);

	memset(p->bytes, 0, sizeof(p->bytes));
	if (len > 0)
		memcpy(p->bytes + BLOCK_BYTES, text, len);
	crypto_stream_chacha20_ietf_xor(p->bytes, p->bytes, whole, nonce, subkey);
	return p->bytes + BLOCK_BYTES;
}

static void tag_of(const uint8_t key[crypto_onetimeauth_poly1305_KEYBYTES],
		   const struct lead_id *lead_id, const uint8_t *box, size_t len,
		   uint8_t ret_tag[SEAL_TAG_LEN])
{
	const uint64_t lengths[2] = {htole64(PAD_BYTES), htole64(len)};
	size_t end = PAD_BYTES + (len + PAD_BYTES - 1) / PAD_BYTES * PAD_BYTES;
	struct tagged t;

	memcpy(t.bytes, lead_id->bytes, PAD_BYTES);
	if (len > 0)
		memcpy(t.bytes + PAD_BYTES, box, len);
	memset(t.bytes + PAD_BYTES + len, 0, end - PAD_BYTES - len);
	memcpy(t.bytes + end, lengths, sizeof(lengths));
	crypto_onetimeauth_poly1305(ret_tag, t.bytes, end + sizeof(lengths), key);
}

static void seal_short(const uint8_t subkey[SEAL_KEY_LEN], const uint8_t nonce[SHORT_NONCE_LEN],
		       const struct lead_id *lead_id, struct slice plain, uint8_t *ret_box)
{
	struct piece p;
	const uint8_t *text = stream_over(&p, plain.data, plain.len, nonce, subkey);

	memcpy(ret_box, text, plain.len);
	tag_of(p.bytes, lead_id, ret_box, plain.len, ret_box + plain.len);
	sodium_memzero(p.bytes, BLOCK_BYTES);
}

static bool open_short(const uint8_t subkey[SEAL_KEY_LEN], const uint8_t nonce[SHORT_NONCE_LEN],
		       const struct lead_id *lead_id, const uint8_t *box, size_t len,
		       uint8_t *ret_plain)
{
	struct piece p;
	const uint8_t *text = stream_over(&p, box, len, nonce, subkey);
	uint8_t tag[SEAL_TAG_LEN];
	bool same;

	tag_of(p.bytes, lead_id, box, len, tag);
	same = crypto_verify_16(tag, box + len) == 0;
	if (same)
		memcpy(ret_plain, text, len);
	sodium_memzero(&p, sizeof(p));
	return same;
}

/* XChaCha20-Poly1305 is ChaCha20-Poly1305 with the subkey, and a nonce of four zeros and the last eight bytes. */
static void shorten(const uint8_t nonce[SEAL_NONCE_LEN], uint8_t ret[SHORT_NONCE_LEN])
{
	static_assert(SHORT_NONCE_LEN == 4 + SEAL_NONCE_LEN - SEAL_PREFIX_LEN, "nonce");
	memset(ret, 0, 4);
	memcpy(ret + 4, nonce + SEAL_PREFIX_LEN, SEAL_NONCE_LEN - SEAL_PREFIX_LEN);
}

/* --- sealing --- */

void seal_subkeyed(const uint8_t subkey[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
		   const struct lead_id *lead_id, struct slice plain, struct buf *ret_box)
{
	uint8_t short_nonce[SHORT_NONCE_LEN], *box;

	if (!buf_reserve(ret_box, plain.len + SEAL_TAG_LEN))
		return;
	box = (uint8_t *)ret_box->data + ret_box->len;
	shorten(nonce, short_nonce);
	if (plain.len <= SHORT_MAX)
		seal_short(subkey, short_nonce, lead_id, plain, box);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(
		    box, NULL, (const uint8_t *)plain.data, plain.len, lead_id->bytes,
		    sizeof(lead_id->bytes), NULL, short_nonce, subkey);
	ret_box->len += plain.len + SEAL_TAG_LEN;
}

void seal(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
	  const struct lead_id *lead_id, struct slice plain, struct buf *ret_box)
{
	uint8_t subkey[SEAL_KEY_LEN];

	crypto_core_hchacha20(subkey, nonce, key, NULL);
	seal_subkeyed(subkey, nonce, lead_id, plain, ret_box);
	sodium_memzero(subkey, sizeof(subkey));
}

void sealer_start(struct sealer *s, const uint8_t key[SEAL_KEY_LEN],
		  const uint8_t prefix[SEAL_PREFIX_LEN])
{
	crypto_core_hchacha20(s->subkey, prefix, key, NULL);
	memcpy(s->prefix, prefix, sizeof(s->prefix));
	s->boxes = 0;
	s->started = true;
}

bool sealer_spent(const struct sealer *s)
{
	return !s->started || s->boxes == SEALER_BOXES_MAX;
}

void sealer_next(struct sealer *s, uint8_t ret_nonce[SEAL_NONCE_LEN])
{
	assert(!sealer_spent(s));
	memcpy(ret_nonce, s->prefix, sizeof(s->prefix));
	memcpy(ret_nonce + SEAL_PREFIX_LEN, &s->boxes, sizeof(s->boxes));
	s->boxes++;
}

void sealer_end(struct sealer *s)
{
	sodium_memzero(s, sizeof(*s));
}

/* --- opening --- */

bool seal_open(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
	       const struct lead_id *lead_id, struct slice box, struct buf *ret_plain)
{
	uint8_t subkey[SEAL_KEY_LEN], short_nonce[SHORT_NONCE_LEN], *plain;
	size_t plain_len;
	bool opened;

	if (box.len < SEAL_TAG_LEN)
		return false;
	plain_len = box.len - SEAL_TAG_LEN;
	/* Never a NULL to write to, not even for nothing. */
	if (!buf_reserve(ret_plain, MAX_OF(plain_len, (size_t)1)))
		return false;
	plain = (uint8_t *)ret_plain->data + ret_plain->len;
	shorten(nonce, short_nonce);
	crypto_core_hchacha20(subkey, nonce, key, NULL);
	if (plain_len <= SHORT_MAX)
		opened = open_short(subkey, short_nonce, lead_id, (const uint8_t *)box.data,
				    plain_len, plain);
	else
		opened = crypto_aead_chacha20poly1305_ietf_decrypt(
			     plain, NULL, NULL, (const uint8_t *)box.data, box.len, lead_id->bytes,
			     sizeof(lead_id->bytes), short_nonce, subkey) == 0;
	sodium_memzero(subkey, sizeof(subkey));
	if (opened)
		ret_plain->len += plain_len;
	return opened;
}
