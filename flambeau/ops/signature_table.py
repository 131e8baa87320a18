"""What arguments the parser of PyTorch takes for its native functions: the forms (overloads) of each.

A line has the parameters of a function, with ``|`` between its forms, and the names of the functions that have them:
``linalg_…`` and ``special_…`` are those of ``torch.linalg`` and ``torch.special``. A method is the function of its name
without ``input`` or ``self``, unless there is a line for ``Tensor.…``. What ends in ``=`` may be left out; where the type
ends in ``?`` None may be given; ``int[2]`` takes one integer as well as a sequence, of which ``pair``
makes a sequence first; behind ``*`` come keywords; ``options`` are those of what makes tensors (dtype, device …).
"""

SIGNATURES = """
(Tensor mat2) Tensor.bmm Tensor.mm
(int dimension, int size, int step) Tensor.unfold
(float mean=, float std=, *, Generator? generator=) Tensor.normal_
(int[] size) Tensor.sum_to_size
(int? dim=) Tensor.size
(Storage source= | Storage source, int storage_offset, int[] size, int[]? stride=) Tensor.set_
(Scalar start, Scalar end, Scalar step=, *, options) range
(Tensor input, pair kernel_size, pair dilation=, pair padding=, pair stride=) unfold
(Scalar s, *, options) scalar_tensor
(int[] size, *, options) Tensor.new_empty Tensor.new_ones Tensor.new_zeros ones zeros
(Tensor input, int[] size) broadcast_to
(Tensor input, Tensor other) mul
(Tensor input, float rcond=) pinverse
(Tensor input, Scalar lambd=) softshrink
(Tensor input, int num_classes=) one_hot
(Tensor input, int[1] output_size) adaptive_avg_pool1d adaptive_max_pool1d
(Tensor input, *, str approximate=) gelu
(int[] size, int[] stride, *, options) Tensor.new_empty_strided empty_strided
(Tensor input, Scalar negative_slope=) leaky_relu_
(Tensor input, int[] pad, Scalar value=) constant_pad_nd
(Tensor input, int split_size, int dim=) unsafe_split
(Tensor input, int dim, *, dtype? dtype=) special_log_softmax
(int[] size, Scalar fill_value, *, options) Tensor.new_full full
(Tensor input, int[] split_sizes, int dim=) split_with_sizes unsafe_split_with_sizes
(int row, int col, int offset=, *, options) tril_indices triu_indices
(int[] size, *, MemoryFormat? memory_format=) Tensor.resize_
(int[] size, int[] physical_layout, *, options) empty_permuted
(Tensor input, Scalar beta=, Scalar threshold=) softplus
(Tensor input, Scalar min_val=, Scalar max_val=) hardtanh_
(float from=, float to=, *, Generator? generator=) Tensor.uniform_
(int[] size, *, MemoryFormat? memory_format=, options) empty
(Tensor input, *, MemoryFormat? memory_format=, options) empty_like ones_like zeros_like
(Tensor input, Scalar alpha=, Scalar scale=, Scalar input_scale=) elu_
(Tensor input, Tensor?[] indices, Tensor values, bool accumulate=) index_put
(Tensor input, Tensor the_template, *, MemoryFormat? memory_format=) resize_as_
(Tensor input, Scalar ord=, int[1]? dim=, bool keepdim=, *, dtype? dtype=) linalg_vector_norm
(Tensor input, Scalar fill_value, *, MemoryFormat? memory_format=, options) full_like
(Tensor input, Scalar lower=, Scalar upper=, bool training=, Generator? generator=) rrelu
(Tensor input, int[1] kernel_size, int[1]? stride=, int[1] padding=, int[1] dilation=, bool ceil_mode=)
    max_pool1d_with_indices
(Tensor input, int[1] kernel_size, int[1]? stride=, int[1] padding=, bool ceil_mode=, bool count_include_pad=)
    avg_pool1d
(Tensor input, int[1] kernel_size, int[1]? stride=, int[1] padding=, int[1] dilation=, bool ceil_mode=, any
    return_indices=) max_pool1d
(Tensor input, int[2] kernel_size, int[2]? stride=, int[2] padding=, int[2] dilation=, bool ceil_mode=, any
    return_indices=) max_pool2d
(Tensor input, int[3] kernel_size, int[3]? stride=, int[3] padding=, int[3] dilation=, bool ceil_mode=, any
    return_indices=) max_pool3d
(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=, float dropout_p=, bool is_causal=, *, float? scale=, bool
    enable_gqa=) scaled_dot_product_attention
(Tensor input, Tensor weight, Tensor? bias=, int[1] stride=, int[1] padding=, int[1] output_padding=, int groups=,
    int[1] dilation=) conv_transpose1d
(Tensor input, Tensor weight, Tensor? bias=, int[2] stride=, int[2] padding=, int[2] output_padding=, int groups=,
    int[2] dilation=) conv_transpose2d
(Tensor input, Tensor weight, Tensor? bias=, int[3] stride=, int[3] padding=, int[3] output_padding=, int groups=,
    int[3] dilation=) conv_transpose3d
(Tensor input, int[2] kernel_size, int[2]? stride=, int[2] padding=, bool ceil_mode=, bool count_include_pad=, int?
    divisor_override=) avg_pool2d
(Tensor input, int[3] kernel_size, int[3]? stride=, int[3] padding=, bool ceil_mode=, bool count_include_pad=, int?
    divisor_override=) avg_pool3d
(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum,
    float eps, bool cudnn_enabled) batch_norm
(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float
    momentum, float eps, bool cudnn_enabled) instance_norm
(Tensor data, Tensor batch_sizes, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train,
    bool bidirectional | Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool
    train, bool bidirectional, bool batch_first) lstm
(Tensor data, Tensor batch_sizes, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train,
    bool bidirectional | Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train,
    bool bidirectional, bool batch_first) gru rnn_relu rnn_tanh
(int[] size | dtype dtype) Tensor.view
(Tensor input, dtype dtype | Tensor input, int[] size) view_copy
(int n, *, options | int n, int m, *, options) eye
(Tensor input | Tensor input, *, int decimals) round
(Tensor input, Scalar? p= | Tensor input, str p) linalg_cond
(Tensor input, int? dim= | Tensor input, int[] dim) count_nonzero
(Tensor input, Scalar max | Tensor input, Tensor max) clamp_max
(Tensor input, Scalar min | Tensor input, Tensor min) clamp_min
(Tensor input | Tensor input, int dim, bool keepdim=) median nanmedian
(Tensor input, Tensor other | Tensor input, Scalar other) copysign floor_divide multiply true_divide
(Tensor input, Scalar other | Tensor input, Tensor other) eq fmod ge greater greater_equal gt le less less_equal lt ne
    not_equal
(Tensor input, Scalar value | Tensor input, Tensor value) fill
(Tensor input, int sections | Tensor input, int[] indices) dsplit hsplit vsplit
(int n, *, options | int n, *, Generator? generator, options) randperm
(Tensor y, Tensor x, *, int dim= | Tensor y, *, float dx=, int dim=) trapz
(Tensor y, Tensor x, *, int dim= | Tensor y, *, Scalar dx=, int dim=) cumulative_trapezoid trapezoid
(Tensor input, bool keepdim= | Tensor input, int[2] dim, bool keepdim=) nuclear_norm
(int[] size, *, options | int[] size, *, Generator? generator, options) rand randn
(Tensor input, Tensor mat2 | Tensor input, Tensor mat2, dtype out_dtype) bmm mm
(Tensor p, *, Generator? generator= | float p=, *, Generator? generator=) Tensor.bernoulli_
(int window_length, *, options | int window_length, bool periodic, *, options) bartlett_window blackman_window
    hann_window
(Tensor input, Tensor end, Scalar weight | Tensor input, Tensor end, Tensor weight) lerp
(Tensor input, Tensor mask, Scalar value | Tensor input, Tensor mask, Tensor value) masked_fill
(Tensor input, int split_size, int dim= | Tensor input, int[] split_size, int dim=) split
(Tensor input, Scalar? min=, Scalar? max= | Tensor input, Tensor? min=, Tensor? max=) clamp clip
(Tensor input, Tensor other, *, Scalar alpha= | Tensor input, Scalar alpha, Tensor other) add sub
(Tensor input, *, dtype? dtype= | Tensor input, int dim, bool keepdim=, *, dtype? dtype=) prod
(Tensor input, *, Generator? generator= | Tensor input, float p, *, Generator? generator=) bernoulli
(Tensor input, Tensor other, *, Scalar alpha= | Tensor input, Scalar other, Scalar alpha=) rsub subtract
(Tensor input, int[] source, int[] destination | Tensor input, int source, int destination) moveaxis movedim
(Tensor input, *, dtype? dtype= | Tensor input, int[1]? dim, bool keepdim=, *, dtype? dtype=) mean sum
(Tensor input, int dim, int start, int length | Tensor input, int dim, Tensor start, int length) narrow
(Tensor input, int dim=, bool descending= | Tensor input, *, bool stable, int dim=, bool descending=) argsort
(Tensor input, int dim=, bool descending= | Tensor input, *, bool? stable, int dim=, bool descending=) sort
(Tensor input, int dim, Tensor index, Scalar value | Tensor input, int dim, Tensor index, Tensor value) index_fill
(Tensor input, Tensor tensor1, Tensor tensor2, *, Scalar value= | Tensor input, Scalar value, Tensor tensor1, Tensor
    tensor2) addcdiv addcmul
(Tensor input, Tensor boundaries, *, bool out_int32=, bool right= | Scalar self, Tensor boundaries, *, bool
    out_int32=, bool right=) bucketize
(Tensor input, *, MemoryFormat? memory_format=, options | Tensor input, *, Generator? generator, MemoryFormat?
    memory_format=, options) rand_like randn_like
(Tensor input, Tensor bins, *, Tensor? weight=, bool density= | Tensor input, int bins=, *, float[]? range=, Tensor?
    weight=, bool density=) histogram
(Tensor input, Scalar ord, int[] dim=, bool keepdim=, *, dtype? dtype= | Tensor input, str ord=, int[] dim=, bool
    keepdim=, *, dtype? dtype=) linalg_matrix_norm
(Tensor input, Tensor q, int? dim=, bool keepdim=, *, str interpolation= | Tensor input, float q, int? dim=, bool
    keepdim=, *, str interpolation=) nanquantile quantile
(Tensor input, Scalar? ord=, int[1]? dim=, bool keepdim=, *, dtype? dtype= | Tensor input, str ord, int[1]? dim=, bool
    keepdim=, *, dtype? dtype=) linalg_norm
(Tensor sorted_sequence, Tensor input, *, bool out_int32=, bool right=, str? side=, Tensor? sorter= | Tensor
    sorted_sequence, Scalar self, *, bool out_int32=, bool right=, str? side=, Tensor? sorter=) searchsorted
(Tensor input, Tensor weight, Tensor? bias=, int[1] stride=, int[1] padding=, int[1] dilation=, int groups= | Tensor
    input, Tensor weight, Tensor? bias=, int[1] stride=, str padding=, int[1] dilation=, int groups=) conv1d
(Tensor input, Tensor weight, Tensor? bias=, int[2] stride=, int[2] padding=, int[2] dilation=, int groups= | Tensor
    input, Tensor weight, Tensor? bias=, int[2] stride=, str padding=, int[2] dilation=, int groups=) conv2d
(Tensor input, Tensor weight, Tensor? bias=, int[3] stride=, int[3] padding=, int[3] dilation=, int groups= | Tensor
    input, Tensor weight, Tensor? bias=, int[3] stride=, str padding=, int[3] dilation=, int groups=) conv3d
(Tensor input | Tensor input, int dim | Tensor input, int[] dim) squeeze
(Tensor input, int dim, bool keepdim= | Tensor input | Tensor input, Tensor other) max min
(Tensor input, Scalar other | Scalar self, Tensor other | Tensor input, Tensor other) bitwise_and bitwise_or
    bitwise_xor
(Tensor input, Tensor other | Tensor input, Scalar other | Scalar self, Tensor other) bitwise_left_shift
    bitwise_right_shift
(Tensor input, Scalar other | Tensor input, Tensor other | Scalar self, Tensor other) remainder
(Tensor input, Tensor other | Scalar self, Tensor other | Tensor input, Scalar other) special_xlog1py special_xlogy
    special_zeta xlogy
(Tensor x, Tensor n | Scalar x, Tensor n | Tensor x, Scalar n) special_chebyshev_polynomial_t
    special_chebyshev_polynomial_u special_chebyshev_polynomial_v special_chebyshev_polynomial_w
    special_hermite_polynomial_h special_hermite_polynomial_he special_laguerre_polynomial_l
    special_legendre_polynomial_p special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_u
    special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_w
(Tensor input, Tensor exponent | Scalar self, Tensor exponent | Tensor input, Scalar exponent) float_power pow
(Tensor input, int dim, bool keepdim= | Tensor input, int[]? dim=, bool keepdim= | Tensor input) all any
(int from, int? to, *, Generator? generator= | int to, *, Generator? generator= | *, Generator? generator=)
    Tensor.random_
(Scalar end, *, options | Scalar start, Scalar end, *, options | Scalar start, Scalar end, Scalar step=, *, options)
    arange
(Tensor input, Tensor other | Tensor input, Tensor other, *, str? rounding_mode | Tensor input, Scalar other, *, str?
    rounding_mode) div
(int window_length, *, options | int window_length, bool periodic, *, options | int window_length, bool periodic,
    float beta, *, options) kaiser_window
(Tensor input, int sections, int dim= | Tensor input, int[] indices, int dim= | Tensor input, Tensor
    tensor_indices_or_sections, int dim=) tensor_split
(Tensor mat1, Tensor mat2, *, Scalar beta=, Scalar alpha= | Scalar beta, Scalar alpha, Tensor mat1, Tensor mat2 |
    Scalar beta, Tensor mat1, Tensor mat2) Tensor.addmm
(Tensor input, bool unbiased= | Tensor input, int[1]? dim, bool unbiased=, bool keepdim= | Tensor input, int[1]? dim=,
    *, Scalar? correction=, bool keepdim=) std std_mean var var_mean
(Tensor repeats, *, int? output_size= | Tensor input, Tensor repeats, int? dim=, *, int? output_size= | Tensor input,
    int repeats, int? dim=, *, int? output_size=) repeat_interleave
(Tensor batch1, Tensor batch2, *, Scalar beta=, Scalar alpha= | Scalar beta, Scalar alpha, Tensor batch1, Tensor
    batch2 | Scalar beta, Tensor batch1, Tensor batch2) Tensor.baddbmm
(Tensor input, Tensor mat, Tensor vec, *, Scalar beta=, Scalar alpha= | Scalar beta, Tensor input, Scalar alpha,
    Tensor mat, Tensor vec | Scalar beta, Tensor input, Tensor mat, Tensor vec) addmv
(Tensor input, Tensor vec1, Tensor vec2, *, Scalar beta=, Scalar alpha= | Scalar beta, Tensor input, Scalar alpha,
    Tensor vec1, Tensor vec2 | Scalar beta, Tensor input, Tensor vec1, Tensor vec2) addr
(Tensor input, Tensor batch1, Tensor batch2, *, Scalar beta=, Scalar alpha= | Scalar beta, Tensor input, Scalar alpha,
    Tensor batch1, Tensor batch2 | Scalar beta, Tensor input, Tensor batch1, Tensor batch2) addbmm
(Tensor elements, Tensor test_elements, *, bool assume_unique=, bool invert= | Tensor elements, Scalar test_element,
    *, bool assume_unique=, bool invert= | Scalar element, Tensor test_elements, *, bool assume_unique=, bool invert=)
    isin
(Tensor tensor, Tensor other | Tensor tensor, Scalar other | Scalar scalar, Tensor tensor | Scalar scalar1, Scalar
    scalar2) result_type
(Tensor input, Tensor other | Tensor input, Scalar other | Tensor input, Tensor other, *, str? rounding_mode | Tensor
    input, Scalar other, *, str? rounding_mode) divide
(Scalar start, Scalar end, int steps, *, options | Tensor start, Tensor end, int steps, *, options | Tensor start,
    Scalar end, int steps, *, options | Scalar start, Tensor end, int steps, *, options) linspace
(int high, int[] size, *, options | int high, int[] size, *, Generator? generator, options | int low, int high, int[]
    size, *, options | int low, int high, int[] size, *, Generator? generator, options) randint
(int window_length, *, options | int window_length, bool periodic, *, options | int window_length, bool periodic,
    float alpha, *, options | int window_length, bool periodic, float alpha, float beta, *, options) hamming_window
(Tensor input, *, Tensor? atol=, Tensor? rtol=, bool hermitian= | Tensor input, *, float? atol=, float? rtol=, bool
    hermitian= | Tensor input, float tol, bool hermitian= | Tensor input, Tensor tol, bool hermitian=)
    linalg_matrix_rank
(Tensor input, *, Tensor? atol=, Tensor? rtol=, bool hermitian= | Tensor input, *, float? atol=, float? rtol=, bool
    hermitian= | Tensor input, float rcond, bool hermitian= | Tensor input, Tensor rcond, bool hermitian=) linalg_pinv
(Tensor mean, float std=, *, Generator? generator= | float mean, Tensor std, *, Generator? generator= | Tensor mean,
    Tensor std, *, Generator? generator= | float mean, float std, int[] size, *, Generator? generator=, options)
    normal
(Tensor input, int dim, Tensor index, Tensor src | Tensor input, int dim, Tensor index, Scalar value | Tensor input,
    int dim, Tensor index, Tensor src, *, str reduce | Tensor input, int dim, Tensor index, Scalar value, *, str
    reduce) scatter
(Scalar start, Scalar end, int steps, float base=, *, options | Tensor start, Tensor end, int steps, float base=, *,
    options | Tensor start, Scalar end, int steps, float base=, *, options | Scalar start, Tensor end, int steps,
    float base=, *, options) logspace
(Tensor input, Tensor mat1, Tensor mat2, *, Scalar beta=, Scalar alpha= | Tensor input, Tensor mat1, Tensor mat2,
    dtype out_dtype, *, Scalar beta=, Scalar alpha= | Scalar beta, Tensor input, Scalar alpha, Tensor mat1, Tensor
    mat2 | Scalar beta, Tensor input, Tensor mat1, Tensor mat2) addmm
(Tensor input, Tensor batch1, Tensor batch2, *, Scalar beta=, Scalar alpha= | Tensor input, Tensor batch1, Tensor
    batch2, dtype out_dtype, *, Scalar beta=, Scalar alpha= | Scalar beta, Tensor input, Scalar alpha, Tensor batch1,
    Tensor batch2 | Scalar beta, Tensor input, Tensor batch1, Tensor batch2) baddbmm
(Tensor condition, Tensor input, Tensor other | Tensor condition, Scalar self, Tensor other | Tensor condition, Tensor
    input, Scalar other | Tensor condition, Scalar self, Scalar other | Tensor condition) where
(Tensor input, int high, *, MemoryFormat? memory_format=, options | Tensor input, int high, *, Generator? generator,
    MemoryFormat? memory_format=, options | Tensor input, Tensor high, *, MemoryFormat? memory_format=, options |
    Tensor input, Tensor high, *, Generator? generator, MemoryFormat? memory_format=, options | Tensor input, int low,
    int high, *, MemoryFormat? memory_format=, options | Tensor input, int low, int high, *, Generator? generator,
    MemoryFormat? memory_format=, options) randint_like
(Tensor input, *, Scalar? spacing=, int? dim=, int edge_order= | Tensor input, *, Scalar spacing, int[] dim, int
    edge_order= | Tensor input, *, int[] dim, int edge_order= | Tensor input, *, Scalar[] spacing, int? dim=, int
    edge_order= | Tensor input, *, Scalar[] spacing, int[] dim, int edge_order= | Tensor input, *, Tensor[] spacing,
    int? dim=, int edge_order= | Tensor input, *, Tensor[] spacing, int[] dim, int edge_order=) gradient
"""
