#include "lanes_generic.h"
#include "picture.h"

const makar::Path makar::generic_path = {kMaxQueries, step, multiply, multiply_bytes, draw};
