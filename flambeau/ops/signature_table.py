"""What arguments the parser of PyTorch takes for its native functions: the forms (overloads) of each.

A line has the parameters of a function, with ``|`` between its forms, and the names of the functions that have them:
``linalg_…`` and ``special_…`` are those of ``torch.linalg`` and ``torch.special``. A method is the function of its name
without ``input`` or ``self``, unless there is a line for ``Tensor.…``. What ends in ``=`` may be left out; where the type
ends in ``?`` None may be given; ``int[2]`` takes one integer as well as a sequence, of which ``pair``
makes a sequence first; behind ``*`` come keywords; ``options`` are those of what makes tensors (dtype, device …).
"""

SIGNATURES = """
() Tensor.dense_dim Tensor.sparse_dim
(Tensor A) linalg_det linalg_inv linalg_slogdet
(int[] size) Tensor.sum_to_size
(Tensor mat2) Tensor.bmm Tensor.mm
(Tensor input) abs absolute acos acosh adjoint angle arccos arccosh arcsin arcsinh arctan arctanh argwhere asin asinh
    atan atanh bitwise_not ceil conj conj_physical corrcoef cos cosh deg2rad det detach digamma erf erfc erfinv exp
    exp2 expm1 fix fliplr flipud floor frac frexp i0 imag inverse is_complex is_conj is_distributed is_floating_point
    is_inference is_neg is_nonzero is_signed isfinite isinf isnan isneginf isposinf isreal lgamma linalg_matrix_exp
    log log10 log1p log2 logdet logical_not matrix_exp msort neg negative positive rad2deg ravel real reciprocal relu
    resolve_conj resolve_neg rsqrt selu sgn sigmoid sign signbit sin sinc sinh slogdet special_digamma special_entr
    special_erf special_erfc special_erfcx special_erfinv special_exp2 special_expit special_expm1 special_gammaln
    special_i0 special_i0e special_i1 special_i1e special_log1p special_log_ndtr special_ndtr special_ndtri
    special_psi special_sinc sqrt square t tan tanh trace trunc zero_
(int? dim=) Tensor.size
(Storage source= | Storage source, int storage_offset, int[] size, int[]? stride=) Tensor.set_
(Scalar start, Scalar end, Scalar step=, *, options) range
(Tensor input, pair kernel_size, pair dilation=, pair padding=, pair stride=) unfold
(Tensor other) Tensor.expand_as Tensor.reshape_as Tensor.type_as Tensor.view_as
(Tensor tensor) Tensor.is_set_to
(int[] repeats) Tensor.repeat
(Device? device=) Tensor.is_pinned Tensor.pin_memory
(Tensor[] tensors) column_stack dstack hstack linalg_multi_dot row_stack vstack
(Tensor input, int n) linalg_matrix_power matrix_power
(Tensor input, int p) mvlgamma special_multigammaln
(int n, Tensor input) polygamma special_polygamma
(Tensor A, str mode=) linalg_qr
(Scalar s, *, options) scalar_tensor
(Tensor x, *, int? N=) linalg_vander
(Tensor input, int dim) cummax cummin logcumsumexp unsqueeze
(int[] size, *, options) Tensor.new_empty Tensor.new_ones Tensor.new_zeros ones zeros
(Tensor input, float p=) pdist
(Tensor input, int dim=) unbind
(Tensor input, str UPLO=) linalg_eigh linalg_eigvalsh
(Tensor input, int[] size) broadcast_to
(Tensor input, int[] dims) flip permute tile
(Tensor input, Tensor vec) mv
(Tensor input, bool some=) qr
(Tensor A, *, bool pivot=) linalg_lu linalg_lu_factor
(Tensor input, int groups) channel_shuffle
(Tensor input, bool upper=) cholesky cholesky_inverse
(Tensor input, int offset=) diagflat
(Tensor input, Tensor vec2) ger outer
(Tensor input, float? eps=) logit special_logit
(Tensor input, Tensor mask) masked_select
(Tensor input, int[] shape) reshape
(Tensor A, *, str? driver=) linalg_svdvals
(Tensor input, Tensor other) arctan2 atan2 equal fmax fmin gcd hypot inner is_same_size kron lcm ldexp linalg_matmul
    logaddexp logaddexp2 logical_and logical_or logical_xor matmul maximum minimum mul nextafter vdot
(Tensor[] tensors, int dim=) cat concat concatenate stack
(Tensor input, float rcond=) pinverse
(Tensor input, Tensor index) take
(Tensor input, Scalar alpha=) celu
(Tensor input, int diagonal=) diag tril triu
(Tensor input, Tensor tensor) dot
(Tensor input, Scalar lambd=) hardshrink softshrink
(Tensor input, Tensor values) heaviside
(Tensor input, Tensor weight) prelu
(Tensor input, *, bool upper=) linalg_cholesky
(int[] size, *, bool implicit=) Tensor.expand
(Scalar fill_value, bool wrap=) Tensor.fill_diagonal_
(Tensor input, *, int decimals=) special_round
(Tensor input, int num_classes=) one_hot
(Tensor A, *, bool check_errors=) linalg_inv_ex
(Tensor x, Tensor y, *, int dim=) linalg_vecdot
(Tensor input, int[1] output_size) adaptive_avg_pool1d adaptive_max_pool1d
(Tensor input, int dim, int index) select
(Tensor input, int dim0, int dim1) swapdims transpose
(Tensor input, int upscale_factor) pixel_shuffle
(Tensor input, float p, bool train) alpha_dropout dropout feature_alpha_dropout feature_dropout
(Tensor input, int k=, int[] dims=) rot90
(Tensor A, Tensor B, *, bool left=) linalg_solve
(Tensor input, *, str approximate=) gelu
(float p, *, Generator? generator=) Tensor.geometric_
(int dimension, int size, int step) Tensor.unfold
(Tensor input, int chunks, int dim=) chunk unsafe_chunk
(Tensor input, int axis0, int axis1) swapaxes
(Tensor input, int dim, int[] sizes) unflatten
(Tensor input, int downscale_factor) pixel_unshuffle
(Tensor input, int dim, Tensor index) index_select
(Tensor input, Generator? generator=) poisson
(Tensor x, int? N=, bool increasing=) vander
(int[] size, int[] stride, *, options) Tensor.new_empty_strided empty_strided
(Tensor input, int dim, dtype? dtype=) log_softmax softmax special_softmax
(Tensor input, Scalar negative_slope=) leaky_relu_
(dtype? dtype=, *, bool? masked_grad=) Tensor.to_dense
(Tensor input, Tensor other, int? dim=) cross
(Tensor input, Tensor other, Scalar p=) dist
(Tensor input, int dim=, bool keepdim=) mode
(Tensor input, int? dim=, bool keepdim=) argmax argmin
(Tensor input, int[] pad, Scalar value=) constant_pad_nd
(Tensor input, int split_size, int dim=) unsafe_split
(float lambd=, *, Generator? generator=) Tensor.exponential_
(Tensor input, int dim, *, dtype? dtype=) cumprod cumsum special_log_softmax
(Tensor input, int[1] dim, bool keepdim=) frobenius_norm logsumexp special_logsumexp
(Tensor input, Tensor indices, int? dim=) take_along_dim
(Tensor input, Tensor other, *, int dim=) linalg_cross
(Tensor input, Tensor input2, bool upper=) cholesky_solve
(Tensor input, Tensor mask, Tensor source) masked_scatter
(Tensor input, int[1]? dim=, bool keepdim=) amax amin
(Tensor input, *, int? dim=, bool keepdim=) aminmax
(int[] size, Scalar fill_value, *, options) Tensor.new_full full
(Tensor input, int[] split_sizes, int dim=) split_with_sizes unsafe_split_with_sizes
(int row, int col, int offset=, *, options) tril_indices triu_indices
(Tensor input, int start_dim=, int end_dim=) flatten
(Tensor input, *, int size, int fill_value=) nonzero_static
(Tensor input, int[1] shifts, int[1]? dims=) roll
(Tensor input, bool some=, bool compute_uv=) svd
(Tensor x1, Tensor x2, int dim=, float eps=) cosine_similarity
(Tensor input, Tensor weight, Tensor? bias=) linear
(int[] size, *, MemoryFormat? memory_format=) Tensor.resize_
(Tensor input, int r=, bool with_replacement=) combinations
(Tensor input, int k, int dim=, bool keepdim=) kthvalue
(Tensor input, int dim, int start, int length) narrow_copy
(Tensor input, Tensor src, int dim, int index) select_scatter
(Tensor input, Scalar threshold, Scalar value) threshold
(Tensor input, *, MemoryFormat? memory_format=) clone
(int[] size, int[] physical_layout, *, options) empty_permuted
(Tensor input, Scalar beta=, Scalar threshold=) softplus
(Tensor input, Tensor? weights=, int minlength=) bincount
(Tensor input, Tensor LU_data, Tensor LU_pivots) lu_solve
(Tensor A, *, int offset=, int dim1=, int dim2=) linalg_diagonal
(Tensor A, bool full_matrices=, *, str? driver=) linalg_svd
(Tensor input, Scalar min_val=, Scalar max_val=) hardtanh_
(Tensor input, int offset=, int dim1=, int dim2=) diag_embed diagonal
(Tensor input, Scalar p, int dim, Scalar maxnorm) renorm
(Tensor input, int dim, Tensor index, Tensor src) scatter_add
(Tensor input, *, bool upper=, bool check_errors=) linalg_cholesky_ex
(float from=, float to=, *, Generator? generator=) Tensor.uniform_
(Tensor input, int bins=, Scalar min=, Scalar max=) histc
(float mean=, float std=, *, Generator? generator=) Tensor.log_normal_ Tensor.normal_
(Tensor input, int dim, Tensor index, Tensor source) index_copy
(int[] size, *, MemoryFormat? memory_format=, options) empty
(Tensor A, Tensor B, *, bool left=, bool check_errors=) linalg_solve_ex
(float median=, float sigma=, *, Generator? generator=) Tensor.cauchy_
(Tensor input, *, MemoryFormat? memory_format=, options) empty_like ones_like zeros_like
(Tensor input, Tensor b, float? rcond=, *, str? driver=) linalg_lstsq
(Tensor input, int dim, Tensor index, *, bool sparse_grad=) gather
(Tensor input, float? nan=, float? posinf=, float? neginf=) nan_to_num
(Tensor x1, Tensor x2, float p=, float eps=, bool keepdim=) pairwise_distance
(Tensor input, int k, int dim=, bool largest=, bool sorted=) topk
(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=) bilinear
(Tensor input, Tensor src, int offset=, int dim1=, int dim2=) diagonal_scatter
(Tensor input, int[1]? dim=, bool keepdim=, *, dtype? dtype=) nanmean nansum
(Tensor input, Tensor index, Tensor source, bool accumulate=) put
(Tensor input, int[] size, int[] stride, int? storage_offset=) as_strided as_strided_copy
(Tensor input, Scalar alpha=, Scalar scale=, Scalar input_scale=) elu_
(Tensor input, Tensor?[] indices, Tensor values, bool accumulate=) index_put
(Tensor LU, Tensor pivots, Tensor B, *, bool left=, bool adjoint=) linalg_lu_solve
(Tensor input, int n=, int dim=, Tensor? prepend=, Tensor? append=) diff
(Tensor input, Tensor the_template, *, MemoryFormat? memory_format=) resize_as_
(Tensor input, int[] normalized_shape, Tensor? weight=, float? eps=) rms_norm
(Tensor input, int dim, Tensor index, Tensor source, *, Scalar alpha=) index_add
(Tensor input, Tensor other, float rtol=, float atol=, bool equal_nan=) allclose isclose
(Tensor input, Tensor src, int dim=, int? start=, int? end=, int step=) slice_scatter
(Tensor input, *, int correction=, Tensor? fweights=, Tensor? aweights=) cov
(Tensor input, Tensor B, *, bool upper, bool left=, bool unitriangular=) linalg_solve_triangular
(Tensor input, Tensor src, int[] size, int[] stride, int? storage_offset=) as_strided_scatter
(Tensor LU_data, Tensor LU_pivots, bool unpack_data=, bool unpack_pivots=) lu_unpack
(Tensor input, Scalar ord=, int[1]? dim=, bool keepdim=, *, dtype? dtype=) linalg_vector_norm
(Tensor input, Scalar fill_value, *, MemoryFormat? memory_format=, options) full_like
(Tensor input, Tensor A, bool upper=, bool transpose=, bool unitriangular=) triangular_solve
(Tensor input, int num_samples, bool replacement=, *, Generator? generator=) multinomial
(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) native_layer_norm
(Tensor input, Scalar lower=, Scalar upper=, bool training=, Generator? generator=) rrelu
(Tensor input, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=) scatter_reduce
(Tensor input, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=) index_reduce
(Tensor weight, Tensor indices, int padding_idx=, bool scale_grad_by_freq=, bool sparse=) embedding
(Tensor input, int num_groups, Tensor? weight=, Tensor? bias=, float eps=, bool cudnn_enabled=) group_norm
(Tensor input, int[] normalized_shape, Tensor? weight=, Tensor? bias=, float eps=, bool cudnn_enable=) layer_norm
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
(int[] size | dtype dtype) Tensor.view
(int n, *, options | int n, int m, *, options) eye
(Tensor input | Tensor input, *, int decimals) round
(Tensor input, Scalar? p= | Tensor input, str p) linalg_cond
(Tensor input, int[] dim | Tensor input, int? dim=) count_nonzero
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
    xlogy
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
