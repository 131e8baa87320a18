"""Process groups and what is done in them: the parts that make up ``torch.distributed.distributed_c10d``.

=====================  ============================================================================
``errors``             what can go wrong, and the refusal of more than one process
``reduce_op``          how numbers of several processes become one
``store``              tables of bytes that processes share
``work``               an operation that was begun
``backend``            names of libraries that carry messages
``group``              the group, and what its collectives do where it has one process
``world``              the groups of this process: making and ending them, ranks and sizes
``collectives``        collectives on tensors
``objects``            collectives on anything that can be pickled
``point_to_point``     messages from one process to another
=====================  ============================================================================
"""
