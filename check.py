import json, math
from floors import check_floors
'''), ('''misused bench --only loader -- 'missing option --stim'
''', '''# Where bfloat16 is no gain for want of instructions, it is refused or emulated.
with_limit=AVX2
command='bench in bfloat16'
misused bench --only loader -- 'missing option --stim'
'''))
