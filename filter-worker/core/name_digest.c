/* name_digest: see name_digest.h. */
#include "name_digest.h"

#define PLACE_MAX   40 /* of a place's text; the rest is left out */
#define WORD_LEAST  2  /* letters that stay of a word when its ending goes */
#define SKETCH_MOST 63 /* letters and pairs of letters that count; PLANES hold as many */
#define PLANES      6

/* What is hashed: a letter that says what for, and the parts, each of a known length or the last one. */
struct text {
	uint8_t bytes[1 + FINGERPRINT_LEN + PLACE_MAX + NAME_WORDS_MAX + NAME_LETTER_MAX];
	size_t len;
};

static void text_append(struct text *t, const void *data, size_t len)
{
	assert(t->len + len <= sizeof(t->bytes));
	memcpy(t->bytes + t->len, data, len);
	t->len += len;
}

static struct fingerprint digest_of(const uint8_t key[FINGERPRINT_KEY_LEN], const struct text *t)
{
	return fingerprint_of(key, FINGERPRINT_NAME, slice_of(t->bytes, t->len));
}

static uint64_t number_at(const uint8_t *bytes)
{
	uint64_t ret;

	memcpy(&ret, bytes, sizeof(ret));
	return ret;
}

static bool is_vowel(uint8_t letter)
{
	return letter < NAME_LETTERS && strchr("aeiou", 'a' + letter - 1);
}

/* Иванова and Иванов, Sergei and Sergey, Maria and Marija. */
static size_t stem_len(const struct name_word *w)
{
	size_t len = w->len;

	while (len > 0 && is_vowel(w->letters[len - 1]))
		len--;
	return len >= WORD_LEAST ? len : w->len;
}

/* Never 0, which stands for no word. */
static uint32_t word_digest(const uint8_t key[FINGERPRINT_KEY_LEN], struct slice phone,
			    const struct name_word *w)
{
	struct text t = {.bytes = {'w'}, .len = 1};
	struct fingerprint f;

	text_append(&t, phone.data, phone.len);
	text_append(&t, w->letters, stem_len(w));
	f = digest_of(key, &t);
	return (uint32_t)number_at(f.bytes) | 1;
}

bool name_digest(const uint8_t key[FINGERPRINT_KEY_LEN], struct slice phone,
		 const struct name_form *form, int64_t *ret)
{
	uint32_t least = 0, next = 0;

	if (phone.len != FINGERPRINT_LEN || form->count == 0)
		return false;
	for (size_t i = 0; i < form->count; i++) {
		uint32_t digest = word_digest(key, phone, &form->words[i]);

		if (least == 0 || digest < least) {
			next = least;
			least = digest;
		} else if (digest > least && (next == 0 || digest < next)) {
			next = digest;
		}
	}
	*ret = (int64_t)((uint64_t)least << 32 | next);
	return true;
}

bool name_digests_meet(int64_t a, int64_t b)
{
	uint32_t x[2] = {(uint32_t)((uint64_t)a >> 32), (uint32_t)a};
	uint32_t y[2] = {(uint32_t)((uint64_t)b >> 32), (uint32_t)b};

	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < 2; k++) {
			if (x[i] != 0 && x[i] == y[k])
				return true;
		}
	}
	return false;
}

/* Letters and digits without spaces and case: "SW1A 1AA" is "sw1a1aa". */
static size_t read_postal_code(const char *from, uint8_t ret[PLACE_MAX])
{
	size_t len = 0;

	for (; *from && len < PLACE_MAX; from++) {
		char c = *from;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			ret[len++] = (uint8_t)c;
	}
	return len;
}

/* "г. Москва", "Moskva": words of one letter are no part of a city's name. */
static size_t read_city(const char *from, uint8_t ret[PLACE_MAX])
{
	struct slice rest = slice_cstr(from), text;
	struct name_word word;
	unsigned scripts;
	size_t len = 0;

	while (letters_word(&rest, &text, &scripts)) {
		size_t room = PLACE_MAX - len;

		name_word_read(text, &word);
		if (word.len < 2)
			continue;
		memcpy(ret + len, word.letters, MIN_OF(room, word.len));
		len += MIN_OF(room, word.len);
	}
	return len;
}

/* Each letter once, in the alphabet's order. */
static void append_initials(struct text *t, const struct name_form *form)
{
	uint32_t initials = 0;

	for (size_t i = 0; i < form->count; i++)
		initials |= 1U << form->words[i].letters[0];
	text_append(t, &initials, sizeof(initials));
}

static_assert(sizeof(uint32_t) <= NAME_WORDS_MAX && NAME_LETTERS < 32, "initials have room");

bool name_block(const uint8_t key[FINGERPRINT_KEY_LEN], const Punnet__V1__Lead *lead,
		const struct name_form *form, uint8_t ret[FINGERPRINT_LEN])
{
	struct text t = {.bytes = {'p'}, .len = 1};
	uint8_t place[PLACE_MAX];
	size_t len = read_postal_code(lead->postal_code, place);

	if (len == 0) {
		t.bytes[0] = 'c';
		len = read_city(lead->city, place);
	}
	if (len == 0 || form->count < 2)
		return false;
	append_initials(&t, form);
	text_append(&t, lead->country, MIN_OF(strlen(lead->country), (size_t)2));
	text_append(&t, place, len);

	struct fingerprint f = digest_of(key, &t);

	memcpy(ret, f.bytes, FINGERPRINT_LEN);
	return true;
}

/* How often each bit was set so far, in binary, one plane a digit: the counters of all bits are raised at once. */
struct counters {
	uint64_t planes[PLANES];
	unsigned count;
};

static void counters_add(struct counters *c, uint64_t bits)
{
	for (size_t i = 0; i < PLANES; i++) {
		uint64_t carry = c->planes[i] & bits;

		c->planes[i] ^= bits;
		bits = carry;
	}
	c->count++;
}

/* The bits that were set more than half of the times. */
static uint64_t counters_majority(const struct counters *c)
{
	uint64_t more = 0, equal = ~0ULL;

	for (size_t i = PLANES; i-- > 0;) {
		uint64_t half = (c->count / 2) >> i & 1 ? ~0ULL : 0;

		more |= equal & c->planes[i] & ~half;
		equal &= ~(c->planes[i] ^ half);
	}
	return more;
}

/* The finaliser of splitmix64 between two secret numbers: fast, and unknown to who does not know them. */
static uint64_t mix(const uint64_t secret[2], uint64_t pair)
{
	uint64_t x = secret[0] + pair * 0x9E3779B97F4A7C15;

	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
	x = (x ^ x >> 27) * 0x94D049BB133111EB;
	x = (x ^ secret[1]) * 0xBF58476D1CE4E5B9;
	return x ^ x >> 31;
}

/* A word's letters, numbered when they come again, and its pairs of letters. The first letter is left out: all in a block have
 * it. Letters alone would not know an order, pairs alone change twice with every slip. */
static void counters_add_word(struct counters *c, const uint64_t secret[2],
			      const struct name_word *w)
{
	uint8_t seen[NAME_LETTERS + 1] = {0};

	for (size_t i = 1; i < w->len && c->count + 2 <= SKETCH_MOST; i++) {
		unsigned letter = w->letters[i], before = w->letters[i - 1];

		counters_add(c, mix(secret, letter << 8 | seen[letter]++));
		counters_add(c, mix(secret, 1U << 16 | before << 8 | letter));
	}
}

static size_t first_in_alphabet(const struct name_form *form)
{
	size_t first = 0;

	for (size_t i = 1; i < form->count; i++) {
		const struct name_word *a = &form->words[i], *b = &form->words[first];
		int order = memcmp(a->letters, b->letters, MIN_OF(a->len, b->len));

		if (order < 0 || (order == 0 && a->len < b->len))
			first = i;
	}
	return first;
}

int64_t name_sketch(const uint8_t key[FINGERPRINT_KEY_LEN], const uint8_t block[FINGERPRINT_LEN],
		    const struct name_form *form)
{
	struct text t = {.bytes = {'s'}, .len = 1};
	struct counters halves[2] = {0};
	size_t first = first_in_alphabet(form);
	struct fingerprint f;
	uint64_t ret = 0;

	text_append(&t, block, FINGERPRINT_LEN);
	f = digest_of(key, &t);

	const uint64_t secret[2] = {number_at(f.bytes), number_at(f.bytes + sizeof(uint64_t))};

	for (size_t i = 0; i < form->count; i++)
		counters_add_word(&halves[i != first], secret, &form->words[i]);
	for (size_t i = 0; i < ARRAY_LEN(halves); i++)
		ret = ret << NAME_SKETCH_BITS |
		      counters_majority(&halves[i]) >> (64 - NAME_SKETCH_BITS);
	return (int64_t)ret;
}

int name_sketch_distance(int64_t a, int64_t b)
{
	uint64_t differ = (uint64_t)(a ^ b);
	int left = __builtin_popcountll(differ >> NAME_SKETCH_BITS);
	int right = __builtin_popcountll(differ & ((1U << NAME_SKETCH_BITS) - 1));

	return MAX_OF(left, right);
}
