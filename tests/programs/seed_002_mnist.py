"""A convolutional network on MNIST.

Corrected in the document: the import of torchvision and the transform are added, the shapes give ``64 * 12 * 12`` where
it has ``64 * 6 * 6``, one ``net`` stands where it has ``Net()`` anew each time, and the loss is printed.
"""

import os

import torch
import torch.nn as nn
import torch.optim as optim
import torchvision


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.fc1 = nn.Linear(64 * 12 * 12, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = self.conv1(x)
        x = nn.functional.relu(x)
        x = self.conv2(x)
        x = nn.functional.relu(x)
        x = nn.functional.max_pool2d(x, 2, 2)
        x = torch.flatten(x, 1)
        x = self.fc1(x)
        x = nn.functional.relu(x)
        x = self.fc2(x)
        output = nn.functional.log_softmax(x, dim=1)
        return output


train_loader = torch.utils.data.DataLoader(
    torchvision.datasets.MNIST(root='./data', train=True, download=True, transform=torchvision.transforms.ToTensor()),
    batch_size=100, shuffle=True)

test_loader = torch.utils.data.DataLoader(
    torchvision.datasets.MNIST(root='./data', train=False, download=True, transform=torchvision.transforms.ToTensor()),
    batch_size=100, shuffle=True)

net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

for epoch in range(int(os.environ.get('EPOCHS', 10))):
    for i, (images, labels) in enumerate(train_loader):
        images = images.view(-1, 1, 28, 28)
        optimizer.zero_grad()
        outputs = net(images)
        loss = nn.functional.nll_loss(outputs, labels)
        loss.backward()
        optimizer.step()
    print(f'Epoch {epoch+1}, loss: {loss.item()}')
