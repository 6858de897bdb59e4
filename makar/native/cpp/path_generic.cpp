#include "lanes_generic.h"
#include "step.h"

const makar::Path makar::generic_path = {kMaxQueries, step, multiply, multiply_bytes};
