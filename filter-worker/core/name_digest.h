/* name_digest: names as numbers that can be compared and not be read. Keyed, and mixed with what they are compared within: two
 * digests say something of each other only under the same phone, two sketches only in the same block. So nobody finds
 * the common names by counting, and nobody without the key can try names one after another. Pure. */
#ifndef PUNNET_NAME_DIGEST_H
#define PUNNET_NAME_DIGEST_H

#include "lead/fingerprint.h"
#include "name_form.h"

#define NAME_SKETCH_BITS 24 /* of one half */

/* Two words of the name, 32 bits each, in one number: for other names on one phone. Of more words those with the smallest
 * digests, so that a name and the same name with a word less have one in common. Endings that change with sex or spelling are
 * left out (Петров, Петрова). false: no name, or no phone. */
_must_use_ bool name_digest(const uint8_t key[FINGERPRINT_KEY_LEN], struct slice phone,
			    const struct name_form *form, int64_t *ret);
/* Do they share a word? Then they are one person, or a family. */
bool name_digests_meet(int64_t a, int64_t b);

/* Where somebody of such a name is looked for: the place (postal code, else city) and the words' initials, in any order.
 * false: no place, or fewer than two words. */
_must_use_ bool name_block(const uint8_t key[FINGERPRINT_KEY_LEN], const Punnet__V1__Lead *lead,
			   const struct name_form *form, uint8_t ret[FINGERPRINT_LEN]);
/* Two simhashes (Charikar 2002) over letters and pairs of letters, NAME_SKETCH_BITS each, side by side: of the word that comes
 * first in the alphabet, and of the others. The more alike two words, the fewer bits differ. Two, because a family has one word in
 * common, and a long surname would hide that the other one differs. */
int64_t name_sketch(const uint8_t key[FINGERPRINT_KEY_LEN], const uint8_t block[FINGERPRINT_LEN],
		    const struct name_form *form);
int name_sketch_distance(int64_t a, int64_t b); /* bits that differ in the half in which more do */

#endif
