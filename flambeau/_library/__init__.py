"""Operations that programs define: what ``torch.library`` makes of functions."""
