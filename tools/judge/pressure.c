// SPDX-License-Identifier: GPL-2.0
/*
 * stress-ng beside the torture: it has a verdict of its own. That a stressor found
 * something wrong is a failure; that it was not there, or did nothing, makes the
 * run another than the one that was planned.
 */
#include "judge.h"

/* stress-ng's exit status when a stressor reports a failure */
#define STRESSOR_FAILED	2

void hmmt_pressure_failures(struct hmmt_judgement *j)
{
	if (hmmt_json_int(j->res.pressure, "exit", 0) == STRESSOR_FAILED)
		hmmt_add_failure(j, "test", "stress-ng: a stressor failed",
				 "what it said is in results.log", HMMT_NO_TIME);
}

void hmmt_pressure_reasons(struct hmmt_judgement *j)
{
	const json_t *p = j->res.pressure, *stressors, *ops;
	json_int_t signal, status;
	const char *key;

	if (!p)
		return;
	signal = hmmt_json_int(p, "signal", 0);
	status = hmmt_json_int(p, "exit", 0);
	if (json_is_false(json_object_get(p, "ended")))
		hmmt_json_add(j->reasons, "stress-ng did not end and was killed");
	else if (signal)
		hmmt_json_add(j->reasons, "stress-ng was ended by signal %" JSON_INTEGER_FORMAT,
			      signal);
	else if (status && status != STRESSOR_FAILED)
		hmmt_json_add(j->reasons, "stress-ng ended with status %" JSON_INTEGER_FORMAT,
			      status);
	else if (json_is_true(json_object_get(p, "early")))
		hmmt_json_add(j->reasons, "stress-ng ended before the torture");
	stressors = json_object_get(p, "stressors");
	if (!json_object_size(stressors))
		hmmt_json_add(j->reasons, "stress-ng has not told what it did");
	json_object_foreach((json_t *)stressors, key, ops) {
		if (json_integer_value(ops) > 0)
			hmmt_json_add(j->notes, "stress-ng: %.40s did %" JSON_INTEGER_FORMAT
				      " bogo operations", key, json_integer_value(ops));
		else
			hmmt_json_add(j->reasons, "stress-ng: %.40s did nothing", key);
	}
}
