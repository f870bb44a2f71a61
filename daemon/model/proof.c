/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/proof.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

static const char *const names[] = {
	[PROVE_NONE] = "",
	[PROVE_MATCHED] = "matched",
	[PROVE_WRONG] = "wrong",
	[PROVE_UNPROVEN] = "unproven",
};

const char *prove_result_name(enum prove_result result)
{
	return names[result];
}

const char *proof_text(const struct proof_record *proof)
{
	return proof->result == PROVE_MATCHED ? names[PROVE_MATCHED] : proof->text;
}

void proof_set(struct proof_record *proof, enum prove_result result, const char *words)
{
	bool seen_otherwise = result == PROVE_WRONG || result == PROVE_UNPROVEN;
	char *text = seen_otherwise ? mem_printf("%s: %s", names[result], words) : NULL;

	free(proof->text);
	*proof = (struct proof_record){ result, text };
}

void proof_parse(char *text, struct proof_record *ret_proof)
{
	const size_t length = strlen(names[PROVE_WRONG]);

	*ret_proof = (struct proof_record){ PROVE_NONE, NULL };
	if (!text)
		return;
	if (strcmp(text, names[PROVE_MATCHED]) == 0) {
		ret_proof->result = PROVE_MATCHED;
		free(text);
		return;
	}
	ret_proof->result = strncmp(text, names[PROVE_WRONG], length) == 0 ? PROVE_WRONG : PROVE_UNPROVEN;
	ret_proof->text = text;
}

bool proof_equal(const struct proof_record *a, const struct proof_record *b)
{
	return a->result == b->result && strcmp(a->text ?: "", b->text ?: "") == 0;
}

void proof_record_done(struct proof_record *proof)
{
	free(proof->text);
	*proof = (struct proof_record){ PROVE_NONE, NULL };
}
